/**
 * Under which key a signal is kept and waited for: that of the workflow, within the team. What one team sends, no run of
 * another takes. Names of teams have no slash.
 */
export function signalKey(team: string, key: string): string {
  return `${team}/${key}`;
}
