"""Public sets of face photographs: licence, terms and citation. Nothing is downloaded.

Terms change: read those that came with your copy. What stands here is what the sets' makers said when it was written down.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from facies.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Source:
    """One public set.

    ``kind`` says how the photographs were taken: ``studio`` (one camera and background), ``web`` (anywhere), ``official`` (portraits of
    office holders) or ``synthetic`` (no real people).
    """

    title: str
    licence: str
    terms: str
    citation: str
    kind: str


SOURCES: dict[str, Source] = {
    "london": Source(
        "Face Research Lab London Set", "CC BY 4.0", "attribution", "DeBruine & Jones 2017, doi 10.6084/m9.figshare.5047666", "studio"
    ),
    "young-adult-canada": Source(
        "Young Adult White Faces with Manipulated Versions", "CC BY 4.0", "attribution",
        "DeBruine & Jones 2017, doi 10.6084/m9.figshare.4220517", "studio",
    ),
    "cfd": Source(
        "Chicago Face Database", "own terms", "research only; may not be passed on; single faces may not be shown outside of publications",
        "Ma, Correll & Wittenbrink 2015, Behav Res Methods 47:1122-1135", "studio",
    ),
    "fei": Source("FEI Face Database", "own terms", "research only", "Thomaz & Giraldi 2010, Image Vis Comput 28:902-913", "studio"),
    "scut-fbp5500": Source("SCUT-FBP5500", "own terms", "non-commercial research only", "Liang et al. 2018, arXiv 1801.06345", "web"),
    "morph": Source(
        "MORPH, album 2", "own terms, on application", "research only; may not be passed on",
        "Ricanek & Tesafaye 2006, FGR:341-345", "official"
    ),
    "ffhq": Source(
        "Flickr-Faces-HQ", "CC BY-NC-SA 4.0 (pictures: several licences of Flickr)", "non-commercial; not for identification",
        "Karras, Laine & Aila 2019, CVPR:4401-4410", "web",
    ),
    "celeba": Source("CelebA", "own terms", "non-commercial research only", "Liu et al. 2015, ICCV:3730-3738", "web"),
    "lfw": Source("Labeled Faces in the Wild", "none stated", "research use is customary", "Huang et al. 2007, UMass TR 07-49", "web"),
    "utkface": Source("UTKFace", "own terms", "non-commercial research only", "Zhang, Song & Qi 2017, CVPR:5810-5818", "web"),
    "imdb-wiki": Source(
        "IMDB-WIKI", "own terms", "academic research only", "Rothe, Timofte & Van Gool 2018, Int J Comput Vis 126:144-157", "web"
    ),
    "agedb": Source("AgeDB", "own terms", "non-commercial research only", "Moschoglou et al. 2017, CVPR Workshops:1997-2005", "web"),
    "fairface": Source("FairFace", "CC BY 4.0", "attribution", "Karkkainen & Joo 2021, WACV:1548-1558", "web"),
    "us-congress": Source(
        "Official portraits of members of the US Congress", "public domain (US government work), not checked for each file", "none",
        "voteview.com, UCLA", "official",
    ),
    "one-million-impressions": Source(
        "One Million Impressions (faces that a network invented)", "CC BY-NC-SA 4.0", "non-commercial",
        "Peterson et al. 2022, PNAS 119(17) e2115228119",
        "synthetic",
    ),
}  # fmt: skip
"""Sets by the name that ``conditions.negatives`` may use as ``source``."""


def list_sources() -> pd.DataFrame:
    """Return the sets as a table: source, title, kind, licence, terms, citation.

    Examples
    --------
    >>> list_sources().set_index("source").loc["london", "licence"]
    'CC BY 4.0'
    """
    import pandas as pd

    return pd.DataFrame([{"source": name, **asdict(source)} for name, source in SOURCES.items()])


def describe_source(source: str, *, licence: str | None, citation: str | None) -> dict[str, str]:
    """Return licence, terms and citation of a source of negatives: the study's own words first, then what facies knows.

    Raises
    ------
    InputError
        When facies does not know the source and the study gives no licence.

    Examples
    --------
    >>> describe_source("our-students", licence=None, citation=None)
    Traceback (most recent call last):
    ...
    facies.errors.InputError: conditions.negatives: facies does not know the source 'our-students': say under which licence ...
    """
    known = SOURCES.get(source)
    if known is None and not licence:
        raise InputError(f"conditions.negatives: facies does not know the source '{source}': say under which licence its photographs are")
    return {
        "licence": licence or (known.licence if known else ""),
        "terms": known.terms if known else "",
        "citation": citation or (known.citation if known else ""),
        "title": known.title if known else source,
    }
