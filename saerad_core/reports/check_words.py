"""Words that a report sentence may hold beside its findings, and words that say what no evidence here can: a past, a number.

The checker lets nothing pass that it doesn't know, so these lists are of what is harmless, not of what is wrong.
"""

from __future__ import annotations

import re

PRIOR = re.compile(
    r"\b(?:again|still|stabl[ey]|stably|unchanged|unaltered|no change|changed?|interval(?:ly)?|previous(?:ly)?|prior|earlier|former(?:ly)?|since|compar\w+"
    r"|new(?:ly)?|resol[uv]\w+|improv\w+|worse\w*|worsening|better|progress\w*|regress\w*|persist\w*|residual|remain(?!ing|der)\w*|continu\w+"
    r"|(?:has|have) \w*developed|developing|recurr\w+|now|no longer|has become|have become|increas\w+|decreas\w+|enlarging|growing|grown|diminish\w+|reduced"
    r"|larger|smaller|more than|less than|removed|removal|replaced|follow-?ups?|old|chronic|before|last (?:week|month|year|film|study)|yesterday|ago|today'?s?|known|history of"
    r"|evolving|evolution|later|recent(?:ly)?|different from|as seen|already|longstanding|long-standing|heal(?:ed|ing)|post-?op\w*|status post)\b"
)
"""Comparison with another time. A single X-ray without its prior shows none of it."""

_EITHER = r"since|compar\w+|previous(?:ly)?|prior|earlier|interval(?:ly)?|now|before"
CHANGES = {
    "new": re.compile(rf"{_EITHER}|new(?:ly)?|(?:has|have) \w*developed|developing"),
    "gone": re.compile(rf"{_EITHER}|resol[uv]\w+|no longer|removed|removal"),
    "same": re.compile(rf"{_EITHER}|again|still|unchanged|persist\w*|remain\w*|continu\w+|known|as seen"),
}
"""Words of a comparison that a change of each kind bears out. None says that a finding grew or shrank: features don't tell."""

NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
    r"|dozen|couple|few|several|numerous|multiple|single|solitary|half|quarter|twice|cms?|mms?|(?:centi|milli)met(?:er|re)s?|percent|per cent)\b|%"
)
"""Counts and measures."""

PLAIN: frozenset[str] = frozenset(
    re.findall(
        r"\S+",
        """
        a an the this that these those there it its which is are was were be been being has have had having do does of
        in on at to and or nor with within without no not any for by as from into over both either neither also only
        other than else some all each along through via evidence evident finding findings sign signs feature features
        appearance appearances suggestion indication seen see sees noted note made make present presence identified
        identify visualised visualized visible demonstrated demonstrates demonstrate shown show shows showing
        appreciated observed detected apparent appear appears looks look include includes including represent
        represents reflect reflects consistent compatible keeping suggests suggest suggesting suggestive suspicious
        suspected suspicion probable probably possible possibly likely unlikely presumably presumed may might could
        can cannot would excluded exclude ruled rule out questionable question concerning concern equivocal favoured
        favored we i free clear absent absence lack negative positive nothing none unremarkable normal normally limits
        limit intact sharp size sized situ position positioned place placed lies lying located film radiograph image
        study examination x-ray xray view views frontal involving involves associated projecting projects projected
        overlying overlies overlie sequela sequelae due
        lung lungs pulmonary field fields zone zones lobe lobes lobar base bases basal basilar bibasilar bibasal apex
        apices apical biapical chest thorax thoracic hemithorax side sides sided aspect region regions area areas
        portion heart cardiac cardiomediastinal silhouette contour contours shadow mediastinum mediastinal hilum hila
        hilar pleura pleural space spaces angle angles costophrenic diaphragm diaphragms hemidiaphragm hemidiaphragms
        bone bones bony osseous structure structures skeleton skeletal rib ribs spine spinal vertebral wall soft
        tissue tissues parenchyma vasculature vascularity radiographic cardiothoracic ratio parenchymal
        device devices line lines tube tubes catheter
        patchy streaky rounded round hazy vague subtle ill-defined irregular bandlike band-like ovoid confluent dense
        volume calcified convex diffuse focal throughout well
        """,
    )
)
"""Words that add nothing to a statement: of grammar, of where chest findings are without a side, of how a shadow looks."""

NARROWING: frozenset[str] = frozenset(
    re.findall(
        r"\S+",
        """
        focal acute definite discrete obvious overt significant suspicious confluent lobar large gross displaced
        alveolar airspace air space active sizeable convincing clear-cut visible abnormality abnormalities process
        disease cardiopulmonary finding lesion lesions abnormal areas typical frank dense definitely clearly
        destructive bulky collection collections acutely
        """,
    )
)
"""Words that make a denial smaller: "no focal consolidation" says less than "no consolidation"."""

TOKEN = re.compile(r"[^\W\d_][^\W\d_'-]*(?:['-][^\W\d_]+)*")
"""A word in any script: what looks like a known word in other letters is an unknown one."""

SIGNS = re.compile(
    r"[^\w\s.,;:()'\"/\-\N{EN DASH}\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}]|_"
)
"""Signs that report sentences don't have: markup is made of them."""
