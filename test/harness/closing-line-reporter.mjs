/**
 * Ends a run with one plain line, `N passed, N failed`, for people and scripts that read only the end of a log. A suite
 * that could not start counts as one failure: it has no tests to count.
 */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    // After jest's own summary, which the default reporter prints in the same round of callbacks.
    process.on('exit', () => {
      process.stdout.write(
        `\n${skipped === 0 ? '' : `${skipped} skipped\n`}${results.numPassedTests} passed, ${failed} failed\n`,
      );
    });
  }
}
