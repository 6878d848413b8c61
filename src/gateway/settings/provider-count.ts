import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import { betaHeader } from "../chats/caller-betas.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { editNativeBody } from "../protocols/index.ts";
import type { CallRunner } from "../routing/call-plan.ts";
import type { RouteSettings, RouteTarget } from "../schemas.ts";
import { estimateChat, needsOf } from "../tokens/index.ts";

/** A count that takes longer is made here. Milliseconds. */
export const mostCountMs = 10_000;

export interface CountOrder {
  route: string;
  settings: RouteSettings;
  /** As it came; null where the gateway would send another than the caller's. */
  body: Uint8Array | null;
  request: ChatRequest;
  betas: string | null;
  /** Monotonic. */
  deadline: number;
  signal: StopSignal;
}

/** The target that most calls of the route go to first. */
export function likeliestTarget({ targets }: Pick<RouteSettings, "targets">): RouteTarget {
  return targets.reduce((best, target) => (target.priority < best.priority || (target.priority === best.priority && target.weight > best.weight) ? target : best));
}

/**
 * Tokens of a chat's input as the target's provider counts them; null where it has nothing for it, or does not answer. Nothing goes out where guardrails stand before the provider: they would have to judge what is
 * only counted. Throws CALLER_GONE.
 */
export async function countByProvider(runner: CallRunner, target: RouteTarget, { route, settings, body, request, betas, deadline, signal }: CountOrder): Promise<number | null> {
  if (settings.guardrails.length > 0) return null;
  const { hedgeAfterMs: _hedge, ...rest } = settings;
  try {
    const opened = await runner.run<number>({
      route, settings: { ...rest, targets: [target], attempts: 1 }, deadline, signal,
      facts: { inputTokens: estimateChat(request), needs: needsOf(request), tags: {}, session: null, worstCost: () => null },
      prepare: ({ model }, { mapping, settings: provider }) => {
        const { countTokens } = mapping;
        if (countTokens === undefined) throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "The provider counts no tokens.");
        const to = { model, settings: provider };
        const native = mapping.native["anthropic-count"];
        const written = native === undefined || body === null
          ? countTokens.request(request, to)
          : { path: native.path(to), headers: { "content-type": "application/json", ...native.headers?.(to) }, body: editNativeBody(body, "anthropic-count", { model }), dropped: [], emulated: [] };
        const headers = { ...written.headers, ...(native === undefined ? {} : betaHeader(betas, provider.headers)) };
        return { request: { ...written, headers }, read: (bytes, answered) => countTokens.answer(bytes, answered), stream: null };
      },
    });
    return opened.streamed ? null : opened.answer;
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code !== "CALLER_GONE") return null;
    throw thrown;
  }
}
