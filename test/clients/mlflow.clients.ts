// Together, for their scripts import MLflow, which takes longer than what most of them do. Each runs alone too.
import "./access.checks.ts";
import "./datasets.checks.ts";
import "./mlflow-registry.checks.ts";
import "./mlflow-scoring.checks.ts";
import "./mlflow-tracking.checks.ts";
import "./mlflow-webhooks.checks.ts";
import "./traces.checks.ts";
