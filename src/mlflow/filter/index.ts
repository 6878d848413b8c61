import type { SearchCondition, SearchOrder } from "../../tracking/index.ts";
import { parseFilter } from "./parse-filter.ts";
import { parseOrder } from "./parse-order.ts";
import * as searchable from "./searchable.ts";

/** Filters and orderings of MLflow's searches as conditions of the domain. All throw FILTER_INVALID with the place and what was expected there. */
type ParseFilter = (text: string | undefined) => SearchCondition[];
type ParseOrder = (texts: readonly string[]) => SearchOrder[];

export const runFilter: ParseFilter = (text) => parseFilter(searchable.runs, text);
export const runOrder: ParseOrder = (texts) => parseOrder(searchable.runs, texts);
export const experimentFilter: ParseFilter = (text) => parseFilter(searchable.experiments, text);
export const experimentOrder: ParseOrder = (texts) => parseOrder(searchable.experiments, texts);
/** Attributes: `name`; for the order also `createdAt` and `updatedAt`. */
export const registeredModelFilter: ParseFilter = (text) => parseFilter(searchable.registeredModels, text);
export const registeredModelOrder: ParseOrder = (texts) => parseOrder(searchable.registeredModels, texts);
/** Attributes: `name` (of the model), `version` (a number), `run`, `source`; for the order also `createdAt` and `updatedAt`. */
export const modelVersionFilter: ParseFilter = (text) => parseFilter(searchable.modelVersions, text);
export const modelVersionOrder: ParseOrder = (texts) => parseOrder(searchable.modelVersions, texts);
/** Attributes: `status`, `time`, `duration`, `name`, `run`, `text`; tags; params are what MLflow calls metadata. */
export const traceFilter: ParseFilter = (text) => parseFilter(searchable.traces, text);
export const traceOrder: ParseOrder = (texts) => parseOrder(searchable.traces, texts);
export const loggedModelFilter: ParseFilter = (text) => parseFilter(searchable.loggedModels, text);
export const loggedModelOrder: ParseOrder = (texts) => parseOrder(searchable.loggedModels, texts);
