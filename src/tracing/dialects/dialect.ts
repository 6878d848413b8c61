/** How a value is read on its way into the conventions; what cannot be read so stays where it was. */
export type Reading =
  | "as it is"
  /** Text that is JSON of a text, as MLflow's clients write it. */
  | "json text"
  | "number"
  /** One text into a list of one, as for finish reasons. */
  | "list"
  /** JSON of messages, of a request with messages, or of an answer. */
  | "input messages"
  | "output messages"
  /** JSON of a whole conversation: what came before its last answer, and that answer. */
  | "asked messages"
  | "answered messages"
  /** That it is there says that a model was called. */
  | "chat"
  /** A text that a user wrote, or that a model answered. */
  | "user text"
  | "assistant text"
  /** A list of tool calls of an answer. */
  | "tool calls"
  /** One field of a JSON object: `field` of the rule. */
  | "field"
  /** A word that `words` of the rule translates. */
  | "word";

/** One attribute of a dialect and what it is in the conventions. Of several rules for one target the first that has a value counts. */
export interface Rule {
  from: string;
  to: string;
  reading?: Reading;
  field?: string;
  words?: Readonly<Record<string, string>>;
  /** Only where no rule before made messages of it, which say more than the text. */
  unlessMessages?: true;
  /** The attribute is one of the conventions itself, and stays beside what it tells. */
  stays?: true;
}

/** Messages that came as flat attributes, such as `llm.input_messages.0.message.role`. */
export interface FlatMessages {
  prefix: string;
  to: string;
  /** Between the number and the field. */
  infix: string;
}

export interface Dialect {
  name: string;
  /** Attributes by which it is told; nothing else is looked at where none of these begins an attribute. */
  prefixes: readonly string[];
  rules: readonly Rule[];
  flat?: readonly FlatMessages[];
}

