// Together, for their scripts import pandas, scikit-learn and the clients of Triton, which takes longer than what some of them do. Each runs alone too.
import "./evaluation.checks.ts";
import "./monitoring.checks.ts";
import "./open-inference.checks.ts";
import "./prediction-log.checks.ts";
