import { AppError } from "../../core/errors.ts";
import type { StoredProvider } from "./gateway-store.ts";

type Place = Exclude<NonNullable<StoredProvider["secret"]>, { from: "value" }>;

/** A secret that cannot be read, and why: the cause is for administrators, callers learn neither variable nor file. */
export function missingSecret(provider: string, place: Place, why: unknown): AppError {
  const reason = why instanceof AppError ? `the file ${place.from === "file" ? place.path : ""} cannot be read. ${why.message}`
    : place.from === "file" ? `there is no file ${place.path} in the folder of secrets (SLIPWAY_SECRET_FILES).` : `the server has no environment variable ${place.name}.`;
  const cause = new AppError("PROVIDER_SECRET_MISSING", `The provider ${provider} has no secret: ${reason}`, { cause: why });
  return new AppError("PROVIDER_UNAUTHORIZED", `The secret of the provider ${provider} is not where its settings say.`, { cause });
}

/** A secret that this server holds and cannot open, as its master key is another: waiting does not help. */
export function closedSecret(provider: string, cause: unknown): AppError {
  return new AppError("PROVIDER_UNAUTHORIZED", `The secret of the provider ${provider} cannot be opened here.`, { cause });
}

/** What keeps a provider's secret from being read, for an administrator; null where it can be. */
export function secretTrouble({ name, secret }: { name: string; secret(): string | null }): string | null {
  try {
    secret();
    return null;
  } catch (thrown) {
    const cause = thrown instanceof AppError ? thrown.cause : null;
    return cause instanceof AppError && cause.code === "PROVIDER_SECRET_MISSING" ? cause.message : `The secret of the provider ${name} cannot be opened: it was sealed with another key than this server's.`;
  }
}
