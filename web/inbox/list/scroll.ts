// The scroll area of the list. Browsers clamp the height of an area at about 33 million
// pixels, which is 430,000 rows. The area is therefore shorter than a long list: small
// movements move the list by as many pixels, and large ones, such as with the scroll bar,
// by the same share of its length.

/** All browsers allow this height. */
export const MAX_SCROLL_PX = 10_000_000;

/** At its ends, the area scrolls exactly as the list does. */
const EDGE_PX = 1_000_000;

export class ScrollMap {
  /** How far the list is scrolled, in its own pixels. */
  offset = 0;
  /** How far the area is scrolled. */
  top = 0;
  private length = 0;
  private viewport = 0;

  /** `length` is the height of all rows, `viewport` that of the visible part. */
  resize(length: number, viewport: number): void {
    [this.length, this.viewport] = [length, viewport];
    this.offset = this.clamp(this.offset);
  }

  /** The height of the content of the area. */
  get height(): number {
    return Math.min(this.length, MAX_SCROLL_PX);
  }

  /** Where the area shows what is `offset` pixels from the start of the list. */
  get delta(): number {
    return this.offset - this.top;
  }

  private get range(): number {
    return Math.max(0, this.length - this.viewport);
  }

  private get areaRange(): number {
    return Math.max(0, this.height - this.viewport);
  }

  /** Pixels of the list for each pixel of the area, between the edges. */
  private get ratio(): number {
    return (this.range - 2 * EDGE_PX) / (this.areaRange - 2 * EDGE_PX);
  }

  /** Where the scroll bar is when the list is scrolled by `offset`. */
  private topOf(offset: number): number {
    if (this.height === this.length || offset <= EDGE_PX) return offset;
    const rest = this.range - offset;
    if (rest <= EDGE_PX) return this.areaRange - rest;
    return Math.round(EDGE_PX + (offset - EDGE_PX) / this.ratio);
  }

  private offsetOf(top: number): number {
    if (top <= EDGE_PX) return top;
    const rest = this.areaRange - top;
    return rest <= EDGE_PX ? this.range - rest : EDGE_PX + (top - EDGE_PX) * this.ratio;
  }

  private clamp(offset: number): number {
    return Math.max(0, Math.min(Math.round(offset), this.range));
  }

  /** The user has scrolled the area. */
  scrolled(top: number): void {
    const distance = top - this.top;
    this.top = top;
    if (this.height === this.length) this.offset = this.clamp(top);
    else if (Math.abs(distance) > 2 * this.viewport) this.offset = this.clamp(this.offsetOf(top));
    else this.offset = this.clamp(this.offset + distance);
  }

  /** Moves the list, and returns where the area has to be scrolled. */
  moveTo(offset: number): number {
    this.offset = this.clamp(offset);
    this.top = this.topOf(this.offset);
    return this.top;
  }

  /** Whether the area ends before the list does, so that it has to be moved at once. */
  get isAtFalseEnd(): boolean {
    const isNear = (distance: number) => distance < this.viewport;
    const { offset, top, range, areaRange } = this;
    return (isNear(top) && !isNear(offset)) || (isNear(areaRange - top) && !isNear(range - offset));
  }
}
