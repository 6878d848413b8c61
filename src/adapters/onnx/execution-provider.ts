/** Where a model's operators run. Only CUDA is tried beside the CPU: the others are experimental, or build an engine for minutes. */
export type ExecutionProviderChoice = "auto" | "cpu";

interface Backend {
  name: string;
}

/** Providers to try, best first, for what the runtime's build lists; each attempt ends in the CPU. */
export function providersToTry(choice: ExecutionProviderChoice, backends: readonly Backend[]): string[][] {
  const cuda = choice === "auto" && backends.some(({ name }) => name === "cuda");
  return cuda ? [["cuda", "cpu"], ["cpu"]] : [["cpu"]];
}

/** Why the better provider was not used, in words for people; the library's own words stay in the log. */
export function fallbackReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/load (shared )?library|shared object|could not be found|LoadLibrary/i.test(text)) return "CUDA is not used: its libraries are not installed.";
  if (/no CUDA-capable device|CUDA driver|CUDA failure|cudaError/i.test(text)) return "CUDA is not used: no usable device was found.";
  return "CUDA is not used: the model could not be loaded with it.";
}
