// Reads a JSON array of SQL statements from stdin, and writes for each the array of
// what is wrong with it in Trino's grammar.
import { readFileSync } from "node:fs";
import { TrinoSQL } from "dt-sql-parser";

const parser = new TrinoSQL();
const statements = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(statements.map((sql) => parser.validate(sql.trim() + ";").map((e) => `line ${e.startLine}: ${e.message}`))));
