import { describeIssue } from "../core/describe-issue.ts";
import { AppError, type Problem } from "../core/errors.ts";
import { Config } from "./config.ts";
import { environmentName } from "./load-config.ts";

/** Where a platform calls one model, and as what. */
export interface ScoringDoor {
  model: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  healthPath: string | undefined;
  predictPath: string | undefined;
}

/** What Vertex AI and SageMaker tell a container, for what the settings leave out. */
const platformNames = {
  scoringPort: ["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"],
  scoringHealthPath: ["AIP_HEALTH_ROUTE"],
  scoringPredictPath: ["AIP_PREDICT_ROUTE"],
} as const;

/** Where SageMaker and Vertex AI call when nobody says anything else. */
const usualPort = 8080;

/** Null where no model is called without a key. Throws CONFIG_INVALID for settings of a door that is not there, and for what a platform says that cannot be. */
export function scoringDoorOf(config: Config, environment: NodeJS.ProcessEnv = process.env): ScoringDoor | null {
  const { scoringModel: model, scoringHost: host } = config;
  const problems: Problem[] = [];
  if (model === undefined) {
    for (const setting of ["scoringPort", "scoringHealthPath", "scoringPredictPath"] as const) {
      if (config[setting] !== undefined) problems.push({ path: environmentName(setting), message: `It is of the port that a platform calls, and there is none: name its model by ${environmentName("scoringModel")}.` });
    }
    throwFor(problems);
    return null;
  }
  const told = <Setting extends keyof typeof platformNames>(setting: Setting): Config[Setting] => {
    const name = platformNames[setting].find((name) => environment[name] !== undefined);
    if (config[setting] !== undefined || name === undefined) return config[setting];
    const read = Config.shape[setting].safeParse(environment[name], { error: describeIssue });
    for (const { message } of read.error?.issues ?? []) problems.push({ path: name, message });
    return read.data as Config[Setting];
  };
  const door = { model, host, port: told("scoringPort") ?? usualPort, healthPath: told("scoringHealthPath"), predictPath: told("scoringPredictPath") };
  if (door.healthPath !== undefined && door.healthPath === door.predictPath) problems.push({ path: environmentName("scoringPredictPath"), message: "It is the path of health." });
  throwFor(problems);
  return door;
}

function throwFor(problems: Problem[]): void {
  if (problems.length > 0) throw new AppError("CONFIG_INVALID", problems.map(({ path, message }) => `${path}: ${message}`).join("; "), { problems });
}
