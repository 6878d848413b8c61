import { destination, pino, stdTimeFunctions } from "pino";
import type { Logger } from "../../core/logger.ts";

/** JSON lines on stderr. Causes are written with their stack and the causes behind them. */
export function pinoLogger(level: "debug" | "info" | "warn" | "error" | "silent"): Logger {
  const logger = pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { cause: serializeCause } }, destination({ fd: 2, sync: true }));
  return {
    info: (event, fields) => logger.info({ event, ...fields }),
    warn: (event, fields) => logger.warn({ event, ...fields }),
    error: (event, fields) => logger.error({ event, ...fields }),
  };
}

function serializeCause(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  return { name: cause.name, message: cause.message, stack: cause.stack, ...(cause.cause === undefined ? {} : { cause: serializeCause(cause.cause) }) };
}
