"""Which mentions a ready-made library denies or doubts; run by benchmarks/labeller.py in the library's own environment.

    echo '[["no effusion", [[3, 11]]]]' | PYTHON benchmarks/labeller_peer.py negspacy

Reads [sentence, [[start, end], ...]] pairs from standard input, writes for each mention "present", "uncertain", "absent" or "void".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable


def negspacy() -> Callable[[object], str]:
    """NegEx with its terms for clinical text; it knows denials only."""
    from negspacy.negation import Negex  # noqa: F401 - registers "negex"

    return lambda entity: "absent" if entity._.negex else "present"  # type: ignore[attr-defined]


def medspacy() -> Callable[[object], str]:
    """ConText with medspaCy's own rules."""
    import medspacy.context  # noqa: F401 - registers "medspacy_context"

    def read(entity) -> str:  # noqa: ANN001
        if entity._.is_hypothetical or entity._.is_family:
            return "void"
        return "absent" if entity._.is_negated else "uncertain" if entity._.is_uncertain else "present"

    return read


def main() -> None:
    import spacy

    name = sys.argv[1]
    read = {"negspacy": negspacy, "medspacy": medspacy}[name]()
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    model = nlp.add_pipe("negex" if name == "negspacy" else "medspacy_context")
    out = []
    for sentence, spans in json.load(sys.stdin):
        doc = nlp.make_doc(sentence)
        doc = nlp.get_pipe("sentencizer")(doc)
        found = [doc.char_span(a, b, label="FINDING", alignment_mode="expand") for a, b in spans]
        doc.ents = spacy.util.filter_spans([span for span in found if span is not None])
        doc = model(doc)
        # Two mentions in one token ("pneumothorax/effusion") share what is said of it.
        by_token = {token.i: entity for entity in doc.ents for token in entity}
        out.append([read(by_token[span.start]) if span.start in by_token else "present" for span in found])
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
