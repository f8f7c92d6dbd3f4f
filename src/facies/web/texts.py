"""The sentences that the browser's script shows."""

from __future__ import annotations

from facies.web.languages import N_, catalogue
from facies.web.refusals import SENTENCES

TEXTS = {
    "next": N_("Next"),
    "begin": N_("Begin"),
    "continue": N_("Continue"),
    "send": N_("Send"),
    "how_old": N_("How old does this person look?"),
    "years": N_("years"),
    "type_age": N_("Type the age and press Enter."),
    "age_range": N_("Give an age from {lowest} to {highest}."),
    "choose_bin": N_("Choose the age group. Arrow keys move, Enter chooses."),
    "which": N_("Which of these do you see in this face?"),
    "choose_key": N_("Press the number, or click."),
    "none": N_("None of these"),
    "how_sure": N_("How sure are you?"),
    "unsure": N_("guessing"),
    "certain": N_("certain"),
    "arrows": N_("Arrow keys move the mark, Enter goes on."),
    "how_marked": N_("How marked are the changes?"),
    "grade_none": N_("not at all"),
    "grade_high": N_("very"),
    "mark": N_("Paint over what you see it by."),
    "undo": N_("Undo"),
    "training": N_("Practice"),
    "reference": N_("Reference: {value}"),
    "your_answer": N_("Your answer: {value}"),
    "instructed": N_("A check of attention: whatever you see, answer {value}."),
    "model_says": N_("The computer says: {value}"),
    "again": N_("Your first answer is kept. Read the face once more, with the computer's answer in view."),
    "break": N_("Time for a break. Look into the distance for a while; go on when you are ready."),
    "paused": N_("The coordinator has paused the reading. Your answers are kept."),
    "done": N_("You have read all faces. Thank you."),
    "progress": N_("{done} of {total}"),
    "zoom": N_("Zoom (Z)"),
    "scale": N_("Hold a bank card to the screen and make the frame as wide as the card."),
    "scale_skip": N_("I have no card"),
    "grey": N_("Dim the light in the room, and turn the screen as bright as is comfortable."),
    "dark_steps": N_("How many dark fields can you tell from black?"),
    "light_steps": N_("How many light fields can you tell from white?"),
    "offline": N_("No connection to the room. Your answer is kept and sent again in a moment."),
    "picture_lost": N_("The picture cannot be loaded. Load the page again."),
    "welcome": N_("Read alone, at your own pace. You cannot go back to a face once it is answered."),
}


def translated(language: str) -> dict[str, str]:
    """Return the script's sentences, and those of refusals, in a language.

    Examples
    --------
    >>> translated("en")["next"]
    'Next'
    """
    gettext = catalogue(language).gettext
    return {name: gettext(sentence) for name, sentence in {**TEXTS, **SENTENCES}.items()}
