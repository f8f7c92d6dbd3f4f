"""What the room answers when it cannot do what was asked: a status, a code and a sentence in the reader's language."""

from __future__ import annotations

from facies.errors import FaciesError
from facies.web.languages import N_

SENTENCES = {
    "sign_in": N_("You are not signed in, or your time has run out. Sign in again: nothing that you answered is lost."),
    "wrong_password": N_("The name or the password is wrong."),
    "link_spent": N_("This link was used before, has expired or is not complete. Ask the coordinator for a new one."),
    "too_many_tries": N_("Too many tries. Wait a quarter of an hour and try again."),
    "not_allowed": N_("Your account is not for this page."),
    "not_found": N_("There is nothing here for you."),
    "form_expired": N_("This page was open for too long. Load it again and repeat the last step."),
    "already_answered": N_("This face was answered before, perhaps in another window. The first answer stays."),
    "not_current": N_("This is not the face that is to be read now. Load the page again."),
    "not_an_answer": N_("This answer cannot be read. Load the page again and answer once more."),
    "too_large": N_("This is more than the room takes. Mark fewer strokes."),
    "busy": N_("The room is busy. Your answer is kept on this page and sent again by itself."),
    "weak_password": N_("Choose a password of at least 10 characters."),
    "name_taken": N_("There is no such role, or the name is taken or empty."),
    "failed": N_("Something went wrong in the room. Your answer is kept on this page. Tell the coordinator."),
}


class RequestRefused(FaciesError):
    """The room cannot do what was asked; ``code`` is a key of :data:`SENTENCES`.

    Examples
    --------
    >>> refusal = RequestRefused(404, "not_found")
    >>> refusal.status, str(refusal)
    (404, 'There is nothing here for you.')
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(SENTENCES[code])
        self.status = status
        self.code = code
