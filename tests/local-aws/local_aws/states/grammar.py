"""Repair `grammar`: moto's grammar takes a tolerated percentage only with a decimal point; AWS takes whole numbers."""

import re

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

WHOLE = re.compile(r'("ToleratedFailurePercentage"\s*:\s*\d+)(?=\s*[,}])')


def apply() -> None:
    parse = AmazonStateLanguageParser.parse
    AmazonStateLanguageParser.parse = staticmethod(lambda definition: parse(WHOLE.sub(r"\1.0", definition)))
