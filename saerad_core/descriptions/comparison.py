"""Words that compare with an earlier study: they tell of the patient's past, not of the X-ray, so descriptions are made without.

"Stable moderate right effusion, unchanged since the prior study" is a moderate right effusion. What a sentence states stays as
it was; a sentence that only compares goes altogether.
"""

from __future__ import annotations

import re
from functools import lru_cache

from saerad_core.descriptions.statements import LONGEST, parse_statements

_STUDY = r"(?:(?:stud(?:y|ies)|examinations?|exams?|radiographs?|films?|images?|x-?rays?|chest x-?rays?|cts?|scans?|imaging))"
_EARLIER = r"(?:prior|previous|preceding|earlier|last|recent|comparison|outside|older|yesterday(?:'s)?)"
_SINCE = (
    rf"(?:since|from|than|than on|compared (?:to|with)|as compared (?:to|with)|when compared (?:to|with)|in comparison (?:to|with)|relative to|on|to|with)"
    rf" (?:the |a |his |her |their )?(?:(?:most |more )?{_EARLIER} )+(?:chest )?{_STUDY}?(?: (?:of|from|dated) [\w/.,-]+)?"
)
_SINCE_WHEN = r"(?:since|from|compared (?:to|with)) (?:the )?(?:yesterday|prior|previous|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:19|20)\d\d)|than before|in the interval"
_HOW = r"(?:essentially|grossly|relatively|largely|overall|otherwise|slightly|mildly|minimally|markedly|significantly|substantially|somewhat|much|again|interval|not|no)"
_CHANGE = (
    r"(?:unchanged|stable|similar(?: in (?:appearance|size|extent))?|increased|decreased|improved|improving|worsened|worsening|worse|larger|smaller"
    r"|progressed|changed|persistent|redemonstrated)"
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # After the finding, to the end of the clause: ", unchanged since the previous study", "has increased in size from prior".
        rf"(?:,? ?\b(?:which )?(?:is|are|has|have|remains?|appears?|was|were|looks?)(?: been)?|,|;)? ?\b(?:{_HOW} )*{_CHANGE}(?: in (?:size|appearance|extent|position))? ?(?:{_SINCE}|{_SINCE_WHEN})",
        rf",? ?\b(?:as )?(?:{_SINCE}|{_SINCE_WHEN})(?=[\s.,;:]|$)",
        rf"(?:,| (?:is|are|remains?|appears?)) (?:{_HOW} )*(?:unchanged|stable|similar)(?: in (?:size|appearance|extent|position))?(?=\s*[.;]|$)",
        # Before it: "Unchanged", "There is no significant interval change in".
        r"\b(?:no|without)(?: (?:significant|definite|appreciable|interval|substantial|real|major))* change (?:in|of) (?:the )?",
        r"\b(?:(?:slight|mild|minimal|marked|significant|some|an?) )*(?:interval )?(?:increase|decrease|improvement|worsening|development) (?:in|of) (?:the )?",
        r"\b(?:no|without)(?: (?:significant|definite|appreciable|interval|substantial|real|major))* change\b",
        r"\b(?:again (?:noted|seen|demonstrated|identified)(?: (?:is|are))?|redemonstrat\w+(?: of)?|re-?identified|once again)\b(?: the)?",
        r"\b(?:(?:interval|slight|slightly|mild|mildly|significant|significantly) )*(?:unchanged|stable|stably|persistent|persisting|ongoing|increasing|decreasing"
        r"|improving|worsening|(?:(?<=interval )|(?<=slightly ))(?:increased?|decreased?)|new|previously (?:seen|noted|described|identified))\b(?=,? [a-z])",
    )
)
_ONLY = re.compile(
    r"^\W*(?:(?:there (?:has been|is)|the|chest|heart|lungs?|appearances?|of|in|no|significant|interval|change[ds]?|are|is|has|been|otherwise|as|before|compar\w+|comparison|stud\w+"
    r"|made|with|to|exam\w*|prior|previous|available|none|for|radiographs?|film|findings?|overall|little|not|much)\b\W*)*$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.;\n]+(?:\.(?=\d)[^.;\n]*)*[.;\n]*\s*")


def strip_comparisons(text: str) -> str:
    """The text without what compares with an earlier study.

    Args:
        text: findings or impression.

    Returns:
        The rest, white space made plain, sentence by sentence; "" where nothing else was said. A sentence that would state
        something else without its comparison stays whole.
    """
    stripped = (_stripped(match.group().strip()) for match in _SENTENCE.finditer(text))
    return " ".join(sentence for sentence in stripped if sentence)


@lru_cache(maxsize=50_000)
def _stripped(sentence: str) -> str:
    if len(sentence) > LONGEST:
        return sentence
    bare = sentence
    for pattern in _PATTERNS:
        bare = pattern.sub(" ", bare)
    if bare == sentence:
        return sentence
    bare = re.sub(r"\s+([.,;:])", r"\1", " ".join(bare.split())).lstrip(",; ")
    bare = bare[:1].upper() + bare[1:]
    if _stated(bare) != _stated(sentence):
        return sentence
    return "" if _ONLY.match(bare) or not re.search(r"[A-Za-z]{3}", bare) else bare


def _stated(text: str) -> set:
    return {statement for sentence in parse_statements(text) for statement in sentence.statements}
