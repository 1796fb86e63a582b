export { ageOf, shortHumanDuration } from './duration.ts';
export { alignedText, type Table, type TableCell, type TableColumn, type TableRow, type TableTextOptions, tableText } from './table.ts';
