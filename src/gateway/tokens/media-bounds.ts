import type { AudioPart, ImagePart } from "../conversation/chat-request.ts";
import { imageSize, type ImageSize } from "./image-tokens.ts";

/** What a request carries beside text, as far as it can be measured here. */
export interface ChatMedia {
  /** Null sizes are not known: an address, a file of the provider, a format that is not read. */
  images: { size: ImageSize | null; low: boolean }[];
  /** Of PDFs that came with the request. */
  pages: number;
  /** Seconds at most. */
  audioSeconds: number;
}

/** Tokens at most. */
export interface MediaTokens {
  /** Audio included. */
  tokens: number;
  audio: number;
}

// All rules as the pages that are named had them on 2026-11-22.

/** How one family of models counts. */
interface MediaRule {
  image(size: ImageSize | null, low: boolean): number;
  /** Of a PDF: its text, and the page as a picture. */
  page: number;
  audioPerSecond: number;
}

/** Text of one page. Anthropic says 1,500 to 3,000 ("PDF support", platform.claude.com); nobody else says more. */
const textOfPage = 3000;

/**
 * Tiles of 512 by 512, after an image was fitted into 2048 by 2048 and its shorter side to 768: eight at most. Whether a small one is made larger is not said, so it is taken to be.
 * Source: "Images and vision", platform.openai.com.
 */
const tiles = (base: number, tile: number): MediaRule["image"] => (size, low) => {
  if (low) return base;
  if (size === null) return base + 8 * tile;
  const scale = Math.min(2048 / Math.max(size.width, size.height), 768 / Math.min(size.width, size.height));
  return base + Math.min(8, Math.ceil((size.width * scale) / 512) * Math.ceil((size.height * scale) / 512)) * tile;
};

/** Squares of `side` pixels, each one token, up to `most` of them, times what the model's tokens weigh in the bill. */
const patches = (side: number, most: number, weight: number): MediaRule["image"] => (size, low) => {
  const limit = low ? Math.min(most, Math.ceil(512 / side) ** 2) : most;
  const count = size === null ? limit : Math.min(limit, Math.ceil(size.width / side) * Math.ceil(size.height / side));
  return Math.ceil(count * weight);
};

/** For a rule whose page is a picture of any size beside its text. */
function rule(image: MediaRule["image"], audioPerSecond: number, page = textOfPage + image(null, false)): MediaRule {
  return { image, page, audioPerSecond };
}

/** OpenAI's audio: one token for 100 ms. Source: "Audio and speech", platform.openai.com. */
const openaiAudio = 10;
/** By the beginning of the model's name, the first that fits. Weights and most patches: "Images and vision", platform.openai.com. */
const openaiRules: readonly (readonly [RegExp, MediaRule])[] = [
  [/^gpt-4o-mini/, rule(tiles(2833, 5667), openaiAudio)],
  [/^(?:gpt-4\.1-mini|gpt-5-mini|gpt-5\.1-codex-mini|gpt-5\.1-mini)/, rule(patches(32, 1536, 1.62), openaiAudio)],
  [/^(?:gpt-4\.1-nano|gpt-5-nano)/, rule(patches(32, 1536, 2.46), openaiAudio)],
  [/^o4-mini/, rule(patches(32, 1536, 1.72), openaiAudio)],
  // Said to count in patches of one token at first, and billed in tiles since.
  [/^gpt-4\.1/, rule((size, low) => Math.max(tiles(85, 170)(size, low), patches(32, 1536, 1)(size, low)), openaiAudio)],
  [/^(?:gpt-4o|chatgpt-4o|gpt-4-turbo|gpt-4\.5|o1|o3|gpt-5(?:$|-chat|-codex|-pro|-20)|gpt-5\.1)/, rule(tiles(85, 170), openaiAudio)],
  // In the detail `original`, which `auto` may mean, up to 10,000 patches.
  [/^gpt-5\.[2-6](?!.*(?:mini|nano))/, rule(patches(32, 10_000, 1.2), openaiAudio)],
];
/** What is newer, or a deployment that has a name of its own: the heaviest weight, and twice the patches that any has; also more than gpt-4o-mini counts. */
const openaiUnknown = rule(patches(32, 20_000, 2.46), openaiAudio);

/**
 * Claude: squares of 28 pixels; before, width * height / 750. Images are made smaller until they have at most 1,568 tokens, or 4,784 with the models since Opus 4.7.
 * Source: "Vision", platform.claude.com.
 */
const claude = (most: number): MediaRule["image"] => (size) => (size === null ? most : Math.min(most, Math.max(patches(28, most, 1)(size, false), Math.ceil((size.width * size.height) / 750))));
const claudeFormer = rule(claude(1600), 0);
const claudeNewer = rule(claude(4784), 0);
const isFormerClaude = /claude-(?:3|haiku-4|sonnet-4|opus-4(?:$|-[0-6](?!\d)|-2025|@))/;

/** Tiles of 768 pixels, or down to 256 for smaller images, at 258 tokens. Pages are 258 each. Source: "Image understanding" and "Document understanding", ai.google.dev. */
const geminiTiles: MediaRule["image"] = (size) => {
  // An image is fitted into 3072 by 3072: its most is a strip of tiles of 256.
  if (size === null) return 258 * 24;
  const fit = Math.min(1, 3072 / Math.max(size.width, size.height));
  const [width, height] = [size.width * fit, size.height * fit];
  const unit = Math.min(768, Math.max(256, Math.floor(Math.min(width, height) / 1.5)));
  return 258 * Math.min(24, Math.max(1, Math.ceil(width / unit) * Math.ceil(height / unit)));
};
/** Audio: 32 tokens a second ("Audio understanding"). */
const geminiFormer = rule(geminiTiles, 32, 258 + textOfPage);
/** Since Gemini 3 a count that the asked resolution sets, whatever the size: 2,240 at most, 1,120 for a page. Source: "Media resolution", ai.google.dev. */
const geminiNewer = rule(() => 2240, 32, 1120 + textOfPage);

/** Squares of 16 pixels up to 1024 by 1024, with a mark behind each row (Pixtral); models since then have larger squares. Source: "Vision", docs.mistral.ai. */
const mistral = rule((size) => (size === null ? 64 * 65 : Math.min(64 * 65, Math.ceil(size.width / 16) * (Math.ceil(size.height / 16) + 1) + Math.ceil(size.width / 16))), 32);

/** Of the open models Qwen2-VL takes the most for one image, 16,384 tokens (its model card), and Ultravox and its like the most for audio. */
const others = rule(patches(14, 16_384, 1), 50);

/**
 * The most tokens that a provider of this kind counts for what is no text, by its own published rules; what nobody says is taken at the most that any model is known to count. A PDF with more text on a page than
 * 3,000 tokens can exceed it.
 */
export function mostMediaTokens({ images, pages, audioSeconds }: ChatMedia, kind: string, model: string): MediaTokens {
  const { image, page, audioPerSecond } = ruleFor(kind, model);
  const audio = Math.ceil(audioSeconds * (audioPerSecond === 0 ? others.audioPerSecond : audioPerSecond));
  return { tokens: images.reduce((sum, { size, low }) => sum + image(size, low), audio + pages * page), audio };
}

function ruleFor(kind: string, model: string): MediaRule {
  if (kind === "openai" || kind === "azure") return openaiRules.find(([names]) => names.test(model))?.[1] ?? openaiUnknown;
  if (kind === "anthropic" || (kind === "bedrock" && model.includes("claude"))) return isFormerClaude.test(model) ? claudeFormer : claudeNewer;
  if (kind === "gemini") return /gemini-[12]/.test(model) ? geminiFormer : geminiNewer;
  return kind === "mistral" ? mistral : others;
}

export function measuredImage({ source, detail }: ImagePart): ChatMedia["images"][number] {
  return { size: source.kind === "data" ? imageSize(source) : null, low: detail === "low" };
}

/** Least bytes of a second: MP3 has no less than 8 kbit/s, Opus and AAC in use no less than 4. */
const mp3Bytes = 1000;
const otherBytes = 500;

/** Seconds that an audio can have at most, by its size and format; of WAV and plain PCM by their bytes a second. */
export function mostAudioSeconds({ mediaType, base64 }: AudioPart): number {
  const bytes = (base64.length * 3) / 4;
  const head = Buffer.from(base64.slice(0, 64), "base64");
  if (head.length >= 32 && head.toString("latin1", 0, 4) === "RIFF" && head.toString("latin1", 12, 16) === "fmt ") return bytes / Math.max(otherBytes, head.readUInt32LE(28));
  return bytes / (/mp3|mpeg/.test(mediaType) ? mp3Bytes : otherBytes);
}
