/** A function or class that a pickle names: whatever is named may be called while the pickle is loaded. */
export interface PickleImport {
  module: string;
  name: string;
}

export interface PickleReading {
  imports: PickleImport[];
  /** Null when the pickle was read to its end; else where it could not be read on. */
  stoppedAt: number | null;
}

/** How many bytes follow an opcode; of the counted ones the length comes first, in so many bytes. */
const fixed: Readonly<Record<number, number>> = { 0x4b: 1, 0x71: 1, 0x68: 1, 0x80: 1, 0x82: 1, 0x4d: 2, 0x83: 2, 0x4a: 4, 0x72: 4, 0x6a: 4, 0x84: 4, 0x47: 8, 0x95: 8 };
const counted: Readonly<Record<number, 1 | 4 | 8>> = { 0x55: 1, 0x8c: 1, 0x43: 1, 0x8a: 1, 0x54: 4, 0x58: 4, 0x42: 4, 0x8b: 4, 0x8d: 8, 0x8e: 8, 0x96: 8 };
const lines = new Set(Array.from("FILSVPpg", (letter) => letter.charCodeAt(0)));
const bare = new Set(Array.from("(012NRQabd}elos)tu]", (letter) => letter.charCodeAt(0)).concat([0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x97, 0x98]));
const texts = new Set([0x8c, 0x58, 0x8d, 0x55, 0x54]);
const [global, instance, stackGlobal, memoize, stop] = [0x63, 0x69, 0x93, 0x94, 0x2e];

/**
 * What a pickle would import, without loading it: its opcodes are walked through (the protocol is written down in CPython's `pickletools`), with
 * the texts that it puts on its stack or into its memo, of which STACK_GLOBAL takes the last two.
 */
export function readPickleImports(bytes: Buffer): PickleReading {
  const imports: PickleImport[] = [];
  const memo = new Map<number, string | null>();
  let last: (string | null)[] = [];
  let position = 0;
  const push = (value: string | null): void => {
    last = [...last.slice(-1), value];
  };
  const line = (): string | null => {
    const end = bytes.indexOf(0x0a, position);
    if (end === -1) return null;
    const text = bytes.toString("utf8", position, end);
    position = end + 1;
    return text;
  };
  while (position < bytes.length) {
    const start = position;
    const opcode = bytes[position++]!;
    if (opcode === stop) return { imports, stoppedAt: null };
    if (opcode === global || opcode === instance) {
      const [module, name] = [line(), line()];
      if (module === null || name === null) return { imports, stoppedAt: start };
      imports.push({ module, name });
      push(null);
    } else if (opcode === stackGlobal) {
      const [module, name] = [last.at(-2) ?? "?", last.at(-1) ?? "?"];
      imports.push({ module, name });
      push(null);
    } else if (opcode === memoize) memo.set(memo.size, last.at(-1) ?? null);
    else if (opcode in counted) {
      const width = counted[opcode]!;
      if (position + width > bytes.length) return { imports, stoppedAt: start };
      const length = width === 1 ? bytes[position]! : width === 4 ? bytes.readUInt32LE(position) : Number(bytes.readBigUInt64LE(position));
      position += width;
      if (position + length > bytes.length) return { imports, stoppedAt: start };
      push(texts.has(opcode) ? bytes.toString("utf8", position, position + length) : null);
      position += length;
    } else if (lines.has(opcode)) {
      const text = line();
      if (text === null) return { imports, stoppedAt: start };
      if (opcode === 0x70) memo.set(Number(text), last.at(-1) ?? null);
      else push(opcode === 0x67 ? (memo.get(Number(text)) ?? null) : opcode === 0x56 || opcode === 0x53 ? text.replace(/^'|'$/g, "") : null);
    } else if (opcode in fixed) {
      const width = fixed[opcode]!;
      if (position + width > bytes.length) return { imports, stoppedAt: start };
      const index = width === 1 ? bytes[position]! : width === 4 ? bytes.readUInt32LE(position) : 0;
      position += width;
      if (opcode === 0x71 || opcode === 0x72) memo.set(index, last.at(-1) ?? null);
      else if (opcode === 0x68 || opcode === 0x6a) push(memo.get(index) ?? null);
      else if (opcode === 0x4b || opcode === 0x4d || opcode === 0x4a || opcode === 0x47) push(null);
    } else if (!bare.has(opcode)) return { imports, stoppedAt: start };
    // Whatever else leaves something on the stack hides the texts below it.
    else if (opcode !== 0x28 && opcode !== 0x30) push(null);
  }
  return { imports, stoppedAt: bytes.length };
}

/** Packages whose classes models are made of. */
const allowedPackages = new Set(["numpy", "scipy", "sklearn", "pandas", "xgboost", "lightgbm", "catboost", "statsmodels", "joblib", "copy_reg", "copyreg", "collections", "datetime", "decimal", "fractions", "uuid"]);
/** Parts of them that run what they are given. */
const refusedModules = /^(numpy\.(testing|f2py|distutils|lib\.npyio)|pandas\.(io|core\.computation)|scipy\.(weave|io)|joblib\.(externals|memory|parallel|_parallel))/;
const refusedNames = new Set(["eval", "exec", "execfile", "compile", "open", "load", "loads", "read_pickle", "runstring", "system", "popen", "getattr", "__import__", "import_module", "run", "call", "Popen"]);
const allowedBuiltins = new Set(["set", "frozenset", "list", "dict", "tuple", "int", "float", "complex", "bool", "str", "bytes", "bytearray", "slice", "range", "object", "unicode", "long"]);

/** Whether a model may name it: classes of data and models, nothing that reaches the system or runs what it is given. */
export function isAllowedImport({ module, name }: PickleImport): boolean {
  if (module === "builtins" || module === "__builtin__") return allowedBuiltins.has(name);
  if (module === "_codecs") return name === "encode";
  if (!allowedPackages.has(module.split(".")[0]!)) return false;
  return !refusedModules.test(module) && !name.split(".").some((part) => refusedNames.has(part));
}
