/** So many starts are remembered, the newest: one tab may stay open for weeks. */
const maxStarts = 50;

const notesOfStarts = new Map<string, readonly string[]>();

/** Keeps what the server said of a start beside the rollout or the test itself. It says so this once; here it stays while the tab is open. */
export function rememberStartNotes(id: string, notes: readonly string[]): void {
  if (notes.length === 0) return;
  notesOfStarts.set(id, notes);
  for (const oldest of [...notesOfStarts.keys()].slice(0, Math.max(0, notesOfStarts.size - maxStarts))) notesOfStarts.delete(oldest);
}

/** What the reader was told who started it here; empty for what others started. */
export function startNotes(id: string): readonly string[] {
  return notesOfStarts.get(id) ?? [];
}

/** Another reader sees other things. */
export function forgetStartNotes(): void {
  notesOfStarts.clear();
}
