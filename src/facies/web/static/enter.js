"use strict";
// The invitation's secret stands after # and so is never part of an address that a server sees.
document.getElementById("secret").value = location.hash.slice(1);
if (location.hash) history.replaceState(null, "", location.pathname);
