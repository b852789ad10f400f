/** Numbers and texts of chance that are the same each time. */

export class Chance {
  constructor(private state: number) {}

  /** From 0 to below 1. */
  next(): number {
    this.state = (Math.imul(this.state ^ (this.state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    const mixed = Math.imul(this.state ^ (this.state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  many<T>(make: () => T, most = 4): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  text(): string {
    const letters = ["a", "B", "7", ".", "/", "\\", ",", "@", "@@", "=", "&", "+", "%", "%2", "#", "?", " ", "`", '"', "'", "~", "é", "🙂", "\n", "*", "-", "(", "[", "{", "$"];
    return Array.from({ length: 1 + this.below(8) }, () => this.of(letters)).join("");
  }
}
