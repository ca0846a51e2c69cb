"""What FiftyOne sees: operators, forms and runs. No mathematics in here."""

OPERATORS = []
