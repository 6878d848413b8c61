/** What moves the cursor, clears the screen, sets a title or turns the order of letters round, in a terminal; line ends and tabs are neither. */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text for a terminal, with such characters written out (`\u001b`): names of models, traces and their like are anybody's. JSON stays the same JSON. */
export function terminalText(text: string): string {
  return text.replaceAll(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
