import type { Caller } from "../../core/caller.ts";
import { AppError, type Problem } from "../../core/errors.ts";
import type { GuardrailSettings } from "../schemas.ts";

interface Tensor { name: string; datatype: string; shape: readonly number[] }
interface Signature { inputs: readonly Tensor[]; outputs: readonly Tensor[] }

/** What of serving the guardrails need. */
interface ServedModels {
  names(): readonly string[];
  /** Of the version that answers. Throws MODEL_NOT_FOUND, VERSION_NOT_READY. */
  signature(model: string): Signature;
  /** Whether the caller may know of the model. */
  sees(caller: Caller, model: string): boolean;
}

/** A guardrail that lets nothing pass, since its model cannot be asked. */
export interface GuardrailTrouble {
  route: string;
  guardrail: string;
  model: string;
  message: string;
}

const mostNamed = 20;

/** Which models classifier guardrails can ask on this server. */
export class ClassifierModels {
  readonly #served: ServedModels;

  constructor(served: ServedModels) {
    this.#served = served;
  }

  /**
   * What keeps classifiers of a route from being saved, each with its place below `settings.guardrails`. A model that the caller may not see is told from a missing one only where the route has it already: `present` are the
   * guardrails as they are.
   */
  problems(guardrails: readonly GuardrailSettings[], present: readonly GuardrailSettings[], caller: Caller): Problem[] {
    const known = new Set(present.filter((one) => one.kind === "classifier").map(({ model }) => model));
    return guardrails.flatMap((guardrail, index) => {
      if (guardrail.kind !== "classifier") return [];
      const path = `settings.guardrails[${index}]`;
      const hidden = !known.has(guardrail.model) && !this.#served.sees(caller, guardrail.model);
      const message = hidden ? noSuchModel : this.#troubleWith(guardrail.model);
      if (message !== null) return [{ path: `${path}.model`, message: `names ${guardrail.model}, ${message}: every call would fail. ${this.#choices(caller)}` }];
      return guardrail.blockLabels.length === 0 && guardrail.blockAbove === undefined ? [{ path, message: "blocks nothing: say which labels are refused (blockLabels), or above which score (blockAbove)" }] : [];
    });
  }

  /** The guardrails that cannot ask their model now, such as one whose model was deleted since the route was saved. */
  troubles(routes: readonly { name: string; settings: { guardrails: readonly GuardrailSettings[] } }[]): GuardrailTrouble[] {
    return routes.flatMap(({ name: route, settings }) => settings.guardrails.flatMap((guardrail) => {
      if (guardrail.kind !== "classifier") return [];
      const message = this.#troubleWith(guardrail.model);
      return message === null ? [] : [{ route, guardrail: guardrail.name, model: guardrail.model, message: `The guardrail ${guardrail.name} names the model ${guardrail.model}, ${message}: it lets no call pass. Deploy the model, or change the guardrail.` }];
    }));
  }

  #troubleWith(model: string): string | null {
    try {
      return textInputOf(this.#served.signature(model)) === null ? "which does not take one text" : null;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.code === "MODEL_NOT_FOUND" ? noSuchModel : "which has no version that is loaded on this server";
    }
  }

  #choices(caller: Caller): string {
    const fit = this.#served.names().filter((model) => this.#served.sees(caller, model) && this.#troubleWith(model) === null).sort();
    if (fit.length === 0) return "No model here takes one text: deploy one first";
    return `Models here that take one text: ${fit.slice(0, mostNamed).join(", ")}${fit.length > mostNamed ? `, and ${fit.length - mostNamed} more` : ""}`;
  }
}

const noSuchModel = "which is no model that is served here";

/** The one input of a model that takes one text, and nothing else; null for any other model. */
export function textInputOf<Input extends Pick<Tensor, "datatype">>({ inputs }: { inputs: readonly Input[] }): Input | null {
  const [input] = inputs;
  return inputs.length === 1 && input?.datatype === "BYTES" ? input : null;
}
