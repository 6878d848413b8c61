/** What is wrong with a text that should be JSON, with the line where there is one; undefined when nothing is. */
export function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const position = /at position (\d+)/.exec(message);
    const line = position === null ? null : text.slice(0, Number(position[1])).split("\n").length;
    return `This is not JSON${line === null ? "" : `, at line ${line}`}: ${message.replace(/ in JSON at position.*$| \(line .*$|, \.\.\..*$/, "")}.`;
  }
}
