import { Schema } from "effect"

/** The command did what it was asked, has said what it found, and it is not good: exit code 1, and no further word. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", {}) {}
