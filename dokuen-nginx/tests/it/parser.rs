//! nginx's own grammar read by somebody who knows nothing of the templates: words, quotes, blocks, comments.

/// A directive: its words as nginx means them, and the block behind it.
#[derive(Debug)]
pub struct Directive {
    pub words: Vec<String>,
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    pub fn name(&self) -> &str {
        &self.words[0]
    }

    pub fn line(&self) -> String {
        self.words.join(" ")
    }
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

pub fn parse(text: &str) -> Vec<Directive> {
    let mut tokens = tokens(text).into_iter();
    let all = block(&mut tokens, false);
    assert!(tokens.next().is_none(), "something stands behind the end");
    all
}

fn block(tokens: &mut impl Iterator<Item = Token>, inside: bool) -> Vec<Directive> {
    let (mut all, mut words) = (Vec::new(), Vec::new());
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => words.push(word),
            Token::End => all.push(Directive { words: std::mem::take(&mut words), block: None }),
            Token::Open => {
                let block = Some(block(tokens, true));
                all.push(Directive { words: std::mem::take(&mut words), block });
            }
            Token::Close => {
                assert!(inside && words.is_empty(), "a block ends where none may");
                return all;
            }
        }
    }
    assert!(!inside && words.is_empty(), "the text ends in the middle: {words:?}");
    all
}

/// A quote means something only where a word begins; a backslash keeps what follows from meaning anything.
fn tokens(text: &str) -> Vec<Token> {
    let (mut all, mut chars) = (Vec::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            _ if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => all.push(Token::End),
            '{' => all.push(Token::Open),
            '}' => all.push(Token::Close),
            '"' | '\'' => {
                let mut word = String::new();
                while let Some(inner) = chars.next().filter(|inner| *inner != c) {
                    push(&mut word, inner, &mut chars);
                }
                all.push(Token::Word(word));
            }
            _ => {
                let mut word = String::from(c);
                // `${name}` is the one place where a brace belongs to a word; none of ours has it.
                while let Some(inner) = chars.next_if(|c| !c.is_whitespace() && !";{".contains(*c)) {
                    push(&mut word, inner, &mut chars);
                }
                all.push(Token::Word(word));
            }
        }
    }
    all
}

/// A character of a word, and the one behind it where that is what is meant.
fn push(word: &mut String, c: char, chars: &mut impl Iterator<Item = char>) {
    if c != '\\' {
        return word.push(c);
    }
    match chars.next().unwrap() {
        't' => word.push('\t'),
        'r' => word.push('\r'),
        'n' => word.push('\n'),
        plain @ ('"' | '\'' | '\\' | ' ') => word.push(plain),
        other => word.extend(['\\', other]),
    }
}

#[test]
fn words_are_as_nginx_means_them() {
    let all = parse("a b \"c; } # d\" 'e\\'f' g\\;h; # i { j;\nk { l \"\\\\\\\"m\"; }\n");
    assert_eq!(all[0].words, ["a", "b", "c; } # d", "e'f", "g\\;h"]);
    assert_eq!(all[1].block.as_ref().unwrap()[0].words, ["l", "\\\"m"]);
}
