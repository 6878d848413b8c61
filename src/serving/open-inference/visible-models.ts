import { mayOn, mayOnServer, type Caller } from "../../core/caller.ts";
import type { InferenceService } from "./inference-service.ts";

/** Of a list about models, what the caller may see. */
export async function visibleTo<Item extends { model: string }>(caller: Caller, service: InferenceService, items: readonly Item[]): Promise<readonly Item[]> {
  if (mayOnServer(caller, "viewer")) return items;
  const visible = await Promise.all(items.map(({ model }) => maySee(caller, service, model)));
  return items.filter((_item, index) => visible[index]);
}

export async function maySee(caller: Caller, service: InferenceService, model: string): Promise<boolean> {
  const team = await service.teamOf(model);
  return team !== null && mayOn(caller, "viewer", { kind: "model", name: model, team });
}
