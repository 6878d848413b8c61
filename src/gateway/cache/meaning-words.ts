/** Words of English that `same-meaning.ts` knows. A word that stands nowhere here counts as it is, so that what is missing costs a hit and never makes a wrong one. */

const list = (words: string): string[] => words.split(" ");

/**
 * They ask, or join words, and do not change what is asked. Not among them: prepositions (`for my mother` is not `about my mother`), `I` and `you` (see `frames`), `from`, `by`, `than`, `with`, `before`, `all`, `only`,
 * `and`, `or`, which do.
 */
export const withoutContent: ReadonlySet<string> = new Set(
  list(
    "a an the it its that this these those there is are am was were be been being do does did done doing have has had will would could can may might shall should must " +
      "what which who whom whose when where why how of if please tell give explain define way step " +
      "so just also yet my mine your yours his her hers their theirs our ours",
  ),
);

/** Ways to begin that ask for the same, whoever is named in them. Further in, `I` and `you` count: who does what to whom. */
export const frames: readonly (readonly string[])[] = [
  "please", "can you", "could you", "would you", "will you", "tell me", "give me", "show me", "help me", "let me know", "i want to", "i would like to", "i like to", "how do i", "how can i", "how could i", "how do we",
  "how can we", "how to", "what is the way to", "what are the steps to", "is it possible to", "can i", "could i", "may i", "can we", "where can i", "where do i", "where could i",
].map(list).sort((first, second) => second.length - first.length);

/** Who speaks, and who is spoken to. */
export const persons: ReadonlyMap<string, string> = new Map([["i", "i"], ["me", "i"], ["we", "i"], ["us", "i"], ["you", "you"]]);
/** Before a verb, where `to` says nothing. */
export const beforeVerb: ReadonlySet<string> = new Set(list("how way ways want like able unable possible steps"));

export const negations: ReadonlySet<string> = new Set(list("not no never none nobody nothing neither nor cannot unable hardly barely nowhere without dont doesnt didnt cant wont isnt arent wasnt werent"));

/** Two words that are one, first as in `equalWords`. */
export const pairs: ReadonlyMap<string, string> = new Map([
  ["turn on", "enable"], ["switch on", "enable"], ["turn off", "disable"], ["switch off", "disable"],
  ["log in", "login"], ["sign in", "login"], ["log into", "login"], ["sign into", "login"], ["log out", "logout"], ["sign out", "logout"], ["log off", "logout"],
  ["set up", "setup"], ["e mail", "email"],
  // Not the same as `must`, which is told apart below: that costs a hit.
  ["have to", "have to"], ["has to", "have to"], ["need to", "have to"],
]);

/** The first word of a line stands for the others. Each line holds only words that may stand for each other wherever they are asked about. */
export const equalWords: ReadonlyMap<string, string> = new Map(
  [
    "enable activate", "disable deactivate", "delete remove erase", "login signin", "logout signout", "ship shipping delivery", "cost price", "contact reach", "write wrote author writer written",
    "undo revert", "change update modify edit", "summarize summarise summary", "mean meaning", "differ difference different", "buy purchase", "photo picture", "phone telephone", "film movie",
    "start begin", "quick fast", "big large", "color colour", "favorite favourite", "center centre", "organize organise", "include included", "accept accepted", "allow allowed permitted permit", "add added",
    "kilometer kilometre km", "meter metre", "centimeter centimetre cm", "millimeter millimetre mm", "kilogram kilogramme kg", "liter litre", "percent %", "minute min", "hour hr", "second sec",
  ].flatMap((line) => {
    const words = list(line);
    return words.map((word) => [word, words[0]!] as const);
  }),
);

/** Written numbers; each stands for itself, so that `twenty one` is not 21 (which costs a hit). */
export const numbers: ReadonlyMap<string, string> = new Map(
  Object.entries({
    zero: 0, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, eleven: 11, twelve: 12, thirteen: 13, fourteen: 14, fifteen: 15, sixteen: 16, seventeen: 17, eighteen: 18,
    nineteen: 19, twenty: 20, thirty: 30, forty: 40, fifty: 50, sixty: 60, seventy: 70, eighty: 80, ninety: 90, hundred: 100, thousand: 1000, million: 1_000_000, billion: 1_000_000_000, dozen: 12,
  }).map(([word, value]) => [word, String(value)]),
);

/** What kind of answer a question wants. Those of different kinds are never the same. */
export const askingWords: ReadonlyMap<string, string> = new Map([["who", "who"], ["whom", "who"], ["whose", "whose"], ["when", "when"], ["where", "where"], ["why", "why"]]);
/** After `how`. */
export const measures: ReadonlySet<string> = new Set(list("many much long far old tall often big deep fast heavy high"));
/** A question that begins so wants yes or no. */
export const yesOrNo: ReadonlySet<string> = new Set(list("is are am was were do does did can could may might will would shall should must has have had isnt arent doesnt dont"));

/** Of each line, texts that say one word must not say another. */
export const apart: readonly (readonly ReadonlySet<string>[])[] = [
  [new Set(["is", "are", "am", "do", "does"]), new Set(["was", "were", "did", "had"]), new Set(["will", "shall"])],
  [new Set(["my", "mine"]), new Set(["your", "yours"]), new Set(["his"]), new Set(["her", "hers"]), new Set(["their", "theirs"]), new Set(["our", "ours"])],
];
/** Texts say each of these both, or neither does. */
export const dutiful: readonly ReadonlySet<string>[] = [new Set(["should", "shall"]), new Set(["must"]), new Set(["may", "might"])];

/** Not plurals. */
export const withS: ReadonlySet<string> = new Set(list("news lens series species plus less always was this does has yes his its bus gas whereas across"));
