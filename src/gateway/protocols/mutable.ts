/** For parts while they are put together. */
export type Mutable<Part> = { -readonly [Key in keyof Part]: Part[Key] };
