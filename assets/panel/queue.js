/** Things that are saved one after the other, in the order in which a hand was quicker than the server. */

/** Work in order: each begins when the one before it has come back, whatever came of that. */
export class Queue {
  constructor() {
    this.waiting = 0;
    this.last = Promise.resolve();
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>} what came of it
   */
  add(work) {
    this.waiting += 1;
    const done = this.last.then(work);
    const ended = () => { this.waiting -= 1; };
    this.last = done.then(ended, ended);
    return done;
  }
}
