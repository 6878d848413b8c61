/** Chosen names, and what stands in the field for another one. */
export interface NamedThings {
  names: readonly string[];
  typed: string;
}

/** No name has a space or a comma: what is pasted may have several. */
export function addNames(names: readonly string[], typed: string): string[] {
  return [...new Set([...names, ...typed.split(/[\s,]+/).filter((name) => name !== "")])];
}

/** What was chosen, and what was typed and not added yet. */
export function allNames({ names, typed }: NamedThings): string[] {
  return addNames(names, typed);
}
