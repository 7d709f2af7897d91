// Adds up vitest's JSON reports and prints 'N passed, N failed'. A test file that cannot be loaded, a missing report and a
// report without tests count as failures. Arguments: the number of failures outside the tests, then the reports.
import { readFileSync } from 'node:fs';

const [failedChecks, ...reports] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedChecks);
let skipped = 0;
for (const file of reports) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.log(`No usable report ${file}: ${error.message}`);
    failed += 1;
    continue;
  }
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  const broken = report.testResults.filter(
    (result) => result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  );
  for (const result of broken) console.log(`Could not be run: ${result.name}: ${result.message}`);
  failed += broken.length;
  // For example an unhandled rejection: vitest reports the run as failed although every test passed.
  if (!report.success && report.numFailedTests === 0 && broken.length === 0) {
    console.log(`${file}: the run failed outside any test`);
    failed += 1;
  }
  if (report.numPassedTests + report.numFailedTests === 0) {
    console.log(`${file}: no test was run`);
    failed += 1;
  }
}
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
