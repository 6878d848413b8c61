const controls = /\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A line without what programs print to steer a terminal, such as colours. */
export function plainLine(text: string): string {
  return text.replace(controls, "");
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

/** Local time of the day, to the millisecond. */
export function clockText(time: number): string {
  return clock.format(time);
}
