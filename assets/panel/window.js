/** Which cards of a long list are in sight: rows of a grid, whose heights are known once they were drawn. */

/**
 * @typedef {object} Slice rows side by side, after a gap in the place of those that are not drawn
 * @property {number} first card
 * @property {number} end the card after the last one
 * @property {number} gap pixels
 */

/** The rows of a list of cards, and their heights. */
export class Rows {
  /** @param {number} guess the height of a row that was not drawn yet, in pixels */
  constructor(guess) {
    this.guess = guess;
    this.count = 0;
    this.columns = 1;
    this.heights = new Map();
  }

  /**
   * @param {number} count cards
   * @param {number} columns side by side
   */
  shape(count, columns) {
    if (columns !== this.columns) this.heights.clear();
    this.count = count;
    this.columns = columns;
  }

  get length() {
    return Math.ceil(this.count / this.columns);
  }

  /** @returns {boolean} whether a row is another height than was known */
  measure(row, height) {
    if (Math.abs((this.heights.get(row) ?? 0) - height) < 1) return false;
    this.heights.set(row, height);
    let sum = 0;
    this.heights.forEach((one) => { sum += one; });
    this.guess = sum / this.heights.size;
    return true;
  }

  height(row) {
    return this.heights.get(row) ?? this.guess;
  }

  /** @returns {number} pixels above a row */
  top(row) {
    let sum = 0;
    for (let i = 0; i < row; i += 1) sum += this.height(i);
    return sum;
  }

  rowOf(card) {
    return Math.floor(card / this.columns);
  }

  /**
   * @param {number} low pixels from the top
   * @param {number} high
   * @returns {[number, number]} the first row between both, and the one after the last
   */
  between(low, high) {
    let [row, top] = [0, 0];
    const last = Math.max(this.length - 1, 0);
    while (row < last && top + this.height(row) <= low) top += this.height(row++);
    const first = row;
    while (row < last && top + this.height(row) < high) top += this.height(row++);
    return [first, Math.min(row + 1, this.length)];
  }

  /**
   * @param {[number, number]} sight rows, see `between`
   * @param {number[]} kept cards that are drawn wherever they are, as one that has the focus
   * @returns {{slices: Slice[], rest: number}} what is drawn, and the gap after it
   */
  slices([first, end], kept) {
    const rows = new Set(kept.filter((card) => card >= 0 && card < this.count).map((card) => this.rowOf(card)));
    for (let row = first; row < end; row += 1) rows.add(row);
    const slices = [];
    let [done, gap] = [0, 0];
    for (const row of [...rows].sort((a, b) => a - b)) {
      for (; done < row; done += 1) gap += this.height(done);
      const last = slices.at(-1);
      const [from, to] = [row * this.columns, Math.min((row + 1) * this.columns, this.count)];
      if (last && !gap) last.end = to;
      else slices.push({ first: from, end: to, gap });
      [done, gap] = [row + 1, 0];
    }
    for (; done < this.length; done += 1) gap += this.height(done);
    return { slices, rest: gap };
  }
}
