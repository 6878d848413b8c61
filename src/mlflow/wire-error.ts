import type { ErrorCode } from "../core/error-catalogue.ts";
import type { AppError } from "../core/errors.ts";

/** Codes whose name on MLflow's wire does not follow from the status alone. */
const namedCodes: Partial<Record<ErrorCode, string>> = {
  INVALID_REQUEST: "INVALID_PARAMETER_VALUE",
  INVALID_NAME: "INVALID_PARAMETER_VALUE",
  INVALID_PARAMETER: "INVALID_PARAMETER_VALUE",
  FILTER_INVALID: "INVALID_PARAMETER_VALUE",
  PARAM_CHANGED: "INVALID_PARAMETER_VALUE",
  OBJECT_DELETED: "INVALID_PARAMETER_VALUE",
  ALIAS_NOT_FOUND: "INVALID_PARAMETER_VALUE",
  MODEL_SOURCE_INVALID: "INVALID_PARAMETER_VALUE",
  EXPERIMENT_EXISTS: "RESOURCE_ALREADY_EXISTS",
  MODEL_EXISTS: "RESOURCE_ALREADY_EXISTS",
  NAME_TAKEN: "RESOURCE_ALREADY_EXISTS",
  ROUTE_NOT_FOUND: "ENDPOINT_NOT_FOUND",
  METHOD_NOT_ALLOWED: "ENDPOINT_NOT_FOUND",
};

const statusCodes: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "RESOURCE_DOES_NOT_EXIST",
  409: "RESOURCE_CONFLICT",
  429: "REQUEST_LIMIT_EXCEEDED",
  501: "NOT_IMPLEMENTED",
  503: "TEMPORARILY_UNAVAILABLE",
};

/** What its clients know of an error: they choose the exception by `error_code` and show `message`. */
export interface MlflowError {
  error_code: string;
  message: string;
}

/** The one error mapper of this wire. Of a request with several problems the first is told, as MLflow does. */
export function mlflowError(error: AppError): MlflowError {
  const message = error.code === "INVALID_REQUEST" ? (error.problems[0]?.message ?? error.message) : error.message;
  return { error_code: namedCodes[error.code] ?? statusCodes[error.status] ?? (error.status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR"), message };
}
