"""Several readers of several cases (MRMC): tests compared by their readers, and a system compared with a panel."""
