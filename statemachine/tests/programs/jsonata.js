// Evaluates expressions with JSONata's reference implementation, and compares with what the local AWS found.
// usage: jsonata.js SAMPLES   a list of {expression, bindings, result}; prints how many agree, exits with 1 if not all

const { deepStrictEqual } = require('node:assert');
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');

const jsonata = createRequire(`${process.cwd()}/`)('jsonata');

async function main(path) {
  const samples = JSON.parse(readFileSync(path, 'utf8'));
  let wrong = 0;
  for (const { expression, bindings, result } of samples) {
    const query = jsonata(expression);
    // Step Functions' own function, which the language lacks.
    query.registerFunction('parse', (text) => JSON.parse(text));
    const found = JSON.parse(JSON.stringify(await query.evaluate(undefined, bindings)));
    try {
      deepStrictEqual(found, result);
    } catch {
      wrong += 1;
      console.error(`${expression}\n  here: ${JSON.stringify(result)}\n  reference: ${JSON.stringify(found)}`);
    }
  }
  console.log(`${samples.length - wrong} agree`);
  process.exitCode = wrong === 0 ? 0 : 1;
}

main(process.argv[2]);
