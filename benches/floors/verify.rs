//! Floor: RSA-2048 verifications (PKCS #1, SHA-256) and nothing else. Use: `floor-verify COUNT`; prints microseconds each.
#![allow(clippy::print_stdout, reason = "a tool of the command line")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};

/// The length of an ordinary canonical `SignedInfo`, in bytes.
const MESSAGE: [u8; 700] = [b'a'; 700];

fn main() -> anyhow::Result<()> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(20_000), |n| n.parse())?;
    let key = KeyPair::generate(KeySize::Rsa2048)?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &MESSAGE, &mut signature)?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let began = on_cpu()?;
    for _ in 0..count {
        public.verify(&MESSAGE, &signature)?;
    }
    println!("{:.2}", (on_cpu()? - began) / 1e3 / f64::from(count));
    Ok(())
}

/// Nanoseconds that this thread spent on a processor.
fn on_cpu() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or_default().parse()?)
}
