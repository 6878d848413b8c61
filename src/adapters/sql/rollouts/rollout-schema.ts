/** Tables of rollouts and of routes; conventions as in database-schema.ts. */
export interface RolloutSchema {
  rollouts: RolloutRow;
  model_routes: ModelRouteRow;
  rollout_verdicts: RolloutVerdictRow;
  rollout_figures: RolloutFiguresRow;
  ab_test_figures: { test: string; replica: string; written_at: number; figures_json: string };
  ab_test_outcomes: { test: string; metric: string; prediction_id: string; value: number; received_at: number };
  replicas: { id: string; seen_at: number; routes_json: string };
}

export interface RolloutRow {
  id: string;
  model: string;
  team: string;
  kind: string;
  stable: number;
  candidate: number;
  state: string;
  /** 1 while `state` is an open one; a model has one such row at most. */
  is_open: number;
  plan_json: string;
  phase: number;
  phase_since: number | null;
  started_at: number;
  started_by: string;
  ended_at: number | null;
  reason: string;
  request_json: string | null;
  workflow_run: string | null;
  salt: string;
  test_json: string | null;
}

/** Stays when the route is taken away and when the model goes: revisions of a name never start over. */
export interface ModelRouteRow {
  model: string;
  revision: number;
  /** Without model and revision, which the row knows; NULL where there is no route now. */
  route_json: string | null;
  changed_at: number;
}

export interface RolloutVerdictRow {
  id: string;
  rollout: string;
  time: number;
  decision: string;
  verdict_json: string;
}

export interface RolloutFiguresRow {
  rollout: string;
  phase: string;
  replica: string;
  written_at: number;
  figures_json: string;
}
