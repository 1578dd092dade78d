"""Appeals (申诉) against a rejection, an amount or a deduction: read by somebody who did not decide before."""
