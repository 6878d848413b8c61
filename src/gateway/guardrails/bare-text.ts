/** What stands behind each letter looks like it. A small part of Unicode's confusables (UTS 39): letters of other alphabets, and the small capitals and variants of our own. */
const likeLetters = `aаΑαАɑᴀᎪ bвВЬьΒβʙƅᏴ cсСϲᴄᏟ dԁᴅđĐðᎠ eеЕεΕєᴇᎬ fꜰƒϝ gɡɢցԍᏀ hнНһΗհʜħᎻ iіІιΙıɪɩᎥ jјЈϳᴊᎫ kкКκΚᴋƙᏦ lӏʟłŁⅼᏞ mмМΜᴍᎷ nпηΝոɴ oоОοΟօᴏøØσ pрРρΡᴘᏢ qԛզ rгʀᎡᏒ sѕЅꜱᏚ tтТτΤᴛŧᎢ uυսᴜ vνѵᴠᏙ wωԝᴡᎳ xхХχΧ yуУүҮγΥʏ zΖᴢᏃ`;
const letters = new Map<string, string>();
for (const [letter = "", ...others] of likeLetters.split(" ")) for (const other of others) letters.set(other, letter);
/** A to Z in circles and squares, which Unicode does not take for letters, and as flags. */
const alphabets = [0x1f150, 0x1f170, 0x1f1e6];
for (const first of alphabets) for (let at = 0; at < 26; at++) letters.set(String.fromCodePoint(first + at), String.fromCharCode(0x61 + at));

const marks = /[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;
/** All but what is written in ASCII, CJK, kana and Hangul. */
const looksLike = /[^\t-\r -~\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]/gu;
const plain = /^[\t-\r -~]*$/;
const mostKnown = 8192;
const known = new Map<string, string>();

/**
 * A text as it looks, for patterns alone: without accents and other marks on letters, without control characters, ligatures and letters of mathematics as what they say (NFKD), and letters of other alphabets as the Latin ones that
 * they look like. Character by character, so that pieces of a text become pieces of what the whole becomes. The text itself where nothing changes.
 */
export function bareText(text: string): string {
  return plain.test(text) ? text : text.replace(looksLike, bareOf);
}

function bareOf(character: string): string {
  let bare = known.get(character);
  if (bare !== undefined) return bare;
  bare = "";
  for (const part of character.normalize("NFKD").replace(marks, "")) bare += letters.get(part) ?? (isControlOrHalf(part) ? "" : part);
  if (known.size >= mostKnown) known.clear();
  known.set(character, bare);
  return bare;
}

function isControlOrHalf(character: string): boolean {
  const code = character.codePointAt(0)!;
  return code < 0x20 ? code < 9 || code > 13 : (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code <= 0xdfff);
}
