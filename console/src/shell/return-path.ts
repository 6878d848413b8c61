/** Where a sign-in leads: a path of this console, whatever the address asked for; the sign-in itself is none. */
export function returnPath(wanted: string | null): string {
  if (wanted === null || !/^\/(?![/\\])/.test(wanted) || /[\u0000-\u001f\\]/.test(wanted) || /^\/(sign-in|api)(\/|\?|$)/.test(wanted)) return "/models";
  return wanted;
}
