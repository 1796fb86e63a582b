// Prints the board as the web front end shows it.
const response = await fetch('http://web/');
console.log((await response.text()).trim());
