import { Socket } from "node:net";
import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import { FrameDecoder, FrameError, writeFrame } from "./frame-protocol.ts";
import { watchParent } from "./parent-watchdog.ts";
import { frameDescriptor, protocolVersion, type LoadedFacts, type ParentMessage, type RunnerMessage, type WireError } from "./runner-messages.ts";

/** The model that a runner process serves. */
export interface ServedModel {
  /** Throws AppError with the reason when the file cannot be loaded. */
  load(path: string, settings: Readonly<Record<string, unknown>>): Promise<LoadedFacts>;
  run(inputs: readonly Tensor[]): Promise<{ outputs: Tensor[]; runUs: number }>;
  release(): Promise<void>;
}

/** Text of an error and its causes, for the parent's log. */
function detailOf(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current instanceof Error && parts.length < 5; current = current.cause) {
    parts.push(current instanceof AppError ? current.message : (current.stack ?? current.message));
  }
  return (parts.length === 0 ? String(error) : parts.join("\ncaused by: ")).slice(0, 16_384);
}

function wireError(error: unknown): WireError {
  const detail = detailOf(error);
  if (!(error instanceof AppError)) return { code: "INTERNAL", message: "The runner failed to do this; the log has the cause.", detail };
  return { code: error.code, message: error.message, problems: error.problems, detail };
}

/**
 * The main of a runner process: reads frames from the inherited socket, answers them one after the other, and ends when
 * the parent says so or is gone. Signals that a terminal or a service manager sends to the whole group are left to the
 * parent, which drains first and then closes its runners.
 */
export function serveRunner(runtime: string, model: ServedModel): void {
  watchParent();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

  const socket = new Socket({ fd: frameDescriptor });
  const send = (message: RunnerMessage, tensors?: readonly Tensor[]) => writeFrame(socket, message, tensors);
  const fail = (error: unknown) => {
    send({ type: "fatal", error: wireError(error) });
    socket.end(() => process.exit(1));
  };

  async function answer(message: ParentMessage, tensors: Tensor[]): Promise<void> {
    switch (message.type) {
      case "load":
        try {
          send({ type: "loaded", ...(await model.load(message.path, message.settings)) });
        } catch (error) {
          send({ type: "error", error: wireError(error) });
        }
        return;
      case "run":
        try {
          const { outputs, runUs } = await model.run(tensors);
          send({ type: "result", id: message.id, runUs }, outputs);
        } catch (error) {
          const tooLarge = error instanceof FrameError;
          const answered = tooLarge ? new AppError("MODEL_RUN_FAILED", "The model's outputs are larger than a runner can send.", { cause: error }) : error;
          send({ type: "error", id: message.id, error: wireError(answered) });
        }
        return;
      case "close":
        await model.release();
        socket.end(() => process.exit(0));
        return;
      default:
        throw new FrameError("The parent sent a message of an unknown type");
    }
  }

  // One promise chain keeps the order; between messages it is settled, and an answer starts without a turn of the loop.
  let last = Promise.resolve();
  const decoder = new FrameDecoder<ParentMessage>(({ header, tensors }) => {
    last = last.then(() => answer(header, tensors)).catch(fail);
  });
  socket.on("data", (chunk: Buffer) => {
    try {
      decoder.push(chunk);
    } catch (error) {
      fail(error);
    }
  });
  // The parent closed its end: there is nobody left to answer.
  socket.on("error", () => process.exit(1));
  socket.on("close", () => process.exit(0));
  send({ type: "hello", protocol: protocolVersion, runtime });
}
