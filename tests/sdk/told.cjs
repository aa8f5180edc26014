// The end of a script: what `main` found as one line of JSON, or its error and a failure.
"use strict";

exports.told = (main) =>
  main().then(
    (account) => {
      // A long line is written in parts: the program ends after the last.
      process.stdout.write(JSON.stringify(account) + "\n", () => process.exit(0));
    },
    (error) => {
      process.stderr.write(`${error?.stack ?? error}\n`);
      process.exit(1);
    },
  );
