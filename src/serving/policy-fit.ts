import { AppError, toAppError, type Problem } from "../core/errors.ts";
import { championAlias, type Policy, type PolicyRevision, type RegistryService, type Signature } from "../registry/index.ts";
import { defaultAnswerProblems } from "./answers/default-answer.ts";
import { unknownRedactions } from "./predictions/log-entry.ts";

/** Refuses what a policy says of names and values that the model's versions do not have. Throws MODEL_NOT_FOUND, POLICY_INVALID. */
export async function assertPolicyFits({ model, policy }: PolicyRevision, registry: RegistryService): Promise<void> {
  const versions = await registry.versions(model);
  const { aliases, latestVersion } = await registry.model(model);
  const serving = versions.find(({ version }) => version === (aliases[championAlias] ?? latestVersion))?.contract.signature;
  const problems = [
    ...redactionProblems(model, policy, versions.map(({ contract }) => contract.signature)),
    ...(policy.fallback.answer === null || serving === undefined ? [] : defaultAnswerProblems(policy.fallback.answer, serving)),
    ...(policy.fallback.model === null ? [] : await fallbackProblems(model, policy.fallback.model, serving, registry)),
  ];
  if (problems.length > 0) throw new AppError("POLICY_INVALID", problems.map(({ message }) => message).join("; "), { problems });
}

/** A typing error in a redaction would log what it meant to hide. */
function redactionProblems(model: string, policy: Policy, signatures: readonly Signature[]): Problem[] {
  if (signatures.length === 0) return [];
  const unknown = signatures.map((signature) => unknownRedactions(signature, policy.log)).reduce((left, right) => left.filter((name) => right.includes(name)));
  return unknown.map((name) => ({ path: "policy.log.redact", message: `no version of ${model} has an input, output or column named ${JSON.stringify(name)}` }));
}

/** Its champion answers in the model's place: to the same callers, so it must be the same team's, and to the same questions. */
async function fallbackProblems(model: string, fallback: string, serving: Signature | undefined, registry: RegistryService): Promise<Problem[]> {
  const problem = (message: string): Problem[] => [{ path: "policy.fallback.model", message }];
  if (fallback === model) return problem("a model cannot be its own fallback");
  const missing = `there is no model named ${JSON.stringify(fallback)} in the team of ${model}`;
  // Another team's model is not told from one that is not there.
  if ((await registry.teamOf(fallback)) !== (await registry.teamOf(model))) return problem(missing);
  const found = await registry.model(fallback).catch((error: unknown) => {
    if (toAppError(error).code === "MODEL_NOT_FOUND") return null;
    throw error;
  });
  if (found === null) return problem(missing);
  const champion = found.aliases[championAlias];
  if (champion === undefined) return problem(`${fallback} has no champion that could answer`);
  const { signature } = (await registry.version(fallback, champion)).contract;
  if (serving === undefined) return [];
  // It need not take everything: a table of predictions is asked by its keys alone.
  const taken = serving.inputs.filter(({ name }) => signature.inputs.some((input) => input.name === name));
  const unlike = [...unlikeTensors(signature.inputs, taken), ...unlikeTensors(signature.outputs, serving.outputs)];
  return unlike.length === 0 ? [] : problem(`${fallback} has not the inputs and outputs of ${model}: ${unlike.join(", ")}`);
}

function unlikeTensors(given: Signature["inputs"], wanted: Signature["inputs"]): string[] {
  const unlike = wanted.filter((spec) => !given.some(({ name, datatype }) => name === spec.name && datatype === spec.datatype));
  const more = given.filter((spec) => !wanted.some(({ name }) => name === spec.name));
  return [...unlike, ...more].map(({ name, datatype }) => `${name} ${datatype}`);
}
