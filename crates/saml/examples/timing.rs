use gatehouse_saml::*; use gatehouse_saml::idp::*; use std::time::Instant;
fn main(){
 let now=1_780_272_000_000_000i64; let y=365*86400*1_000_000i64;
 let k=SigningKey::generate().unwrap(); let c=k.self_signed("x",now-y,now+y).unwrap();
 let k2=SigningKey::generate().unwrap(); let c2=k2.self_signed("x",now-y,now+y).unwrap();
 let mut b=ResponseBuilder::new("_r","https://idp","https://acs","https://sp","ada@example.org",now);
 b.attributes=vec![("email".into(),vec!["a@b".into()]),("groups".into(),vec!["a".into(),"b".into()])];
 let p=Policy{protocol:Protocol::Saml2,idp_entity_id:"https://idp".into(),audiences:vec!["https://sp".into()],acs_urls:vec!["https://acs".into()],certificates:vec![c.clone()],decryption_keys:vec![DecryptionKey::from_signing_key(&k2).unwrap()],in_response_to:InResponseTo::Unsolicited,now,clock_skew:CLOCK_SKEW,allow_sha1:false};
 let mut p2=p.clone(); p2.certificates.insert(0,c2.clone());
 let good=b.issue(&k,&c).unwrap();
 let ins=|x:&str| good.replacen("<samlp:Status>",&format!("{x}<samlp:Status>"),1);
 let insa=|x:&str| good.replacen("<saml:AuthnStatement",&format!("<saml:Advice>{x}</saml:Advice><saml:AuthnStatement"),1);
 let mut e=b.clone(); e.encrypt=Some((c2.clone(),Encryption::Aes256Gcm,KeyTransport::OaepSha1));
 let many=|n:usize,f:&dyn Fn(usize)->String|(0..n).map(f).collect::<String>();
 let mut cases:Vec<(&str,String,&Policy)>=vec![("good",good.clone(),&p),("fallback",good.clone(),&p2),("encrypted",e.issue(&k,&c).unwrap(),&p),
 ("bad sig",b.issue(&k2,&c2).unwrap(),&p),
 ("10k attrs",ins(&format!("<x{}/>",many(10000,&|n|format!(" a{n}=''")))),&p),
 ("nest 10k",ins(&format!("{}{}","<x>".repeat(10000),"</x>".repeat(10000))),&p),
 ("doctype",format!("<!DOCTYPE a>{good}"),&p),
 ("1MB text",ins(&format!("<x>{}</x>","a ".repeat(500_000))),&p),
 ("1MB text signed part",insa(&format!("<x>{}</x>","a ".repeat(500_000))),&p),
 ("1MB amp signed part",insa(&format!("<x>{}</x>","&amp;".repeat(200_000))),&p),
 ("1MB elements",ins(&"<x/>".repeat(200_000)),&p),
 ("19k el",insa(&"<xxxxxxxxxx yy='' zz=''>aaaaaaaa</xxxxxxxxxx>".repeat(19_000)),&p),
 ("19k distinct ns",insa(&many(19_000,&|n|format!("<x xmlns:n{n}='urn:{n}'/>"))),&p),
 ("19k ns same prefix",insa(&many(19_000,&|n|format!("<x xmlns:n='urn:{n}'/>"))),&p),
 ("90 in scope, 19k declaring", insa(&format!("{}{}{}{}","<a xmlns:a1='' >".replace("xmlns:a1=''",&many(30,&|n|format!(" xmlns:a{n}='u'"))),"<a >".replace("<a ",&format!("<a {} ",many(30,&|n|format!(" xmlns:b{n}='u'")))),  many(15000,&|n|format!("<x xmlns:n='u{n}'/>")), "</a></a>")),&p),
 ("64 attrs x 600",insa(&format!("<x{}/>",many(64,&|n|format!(" a{n}=''"))).repeat(600)),&p),
 ("64 prefixed attrs x 600",insa(&format!("<w {}>{}</w>",many(32,&|n|format!(" xmlns:p{n}='u{n}'")),format!("<x{}/>",many(64,&|n|format!(" p{}:a{n}=''",n%32))).repeat(600))),&p),
 ("ids 20k",insa(&many(19_000,&|n|format!("<x Id='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{n}'/>"))),&p),
 ("comments",ins(&"<!---->".repeat(100_000)),&p),
 ("c14n bomb",{let u="u".repeat(50_000); good.replacen("<samlp:Response",&format!("<samlp:Response xmlns:big='{u}'"),1).replacen("<saml:AuthnStatement",&format!("<saml:Advice>{}</saml:Advice><saml:AuthnStatement","<big:x/>".repeat(15000)),1)},&p),
 ];
 let mut e2=b.clone(); e2.attributes.push(("x".into(),vec!["z".repeat(500_000)])); e2.encrypt=e.encrypt.clone();
 cases.push(("big encrypted",e2.issue(&k,&c).unwrap(),&p));
 for (n,m,p) in &cases { 
  let mut best=u128::MAX; let mut r=String::new();
  for _ in 0..20 { let t=Instant::now(); let j=verify_bytes(m.as_bytes(),p); best=best.min(t.elapsed().as_micros()); r=match j.outcome{Ok(_)=>"ok".into(),Err(e)=>e.reason.to_string()}; }
  let rss=std::fs::read_to_string("/proc/self/status").unwrap(); let hwm=rss.lines().find(|l|l.starts_with("VmHWM")).unwrap().to_owned();
  println!("{n:30} {:8} bytes {best:7} µs {r:28} {hwm}",m.len()); }
}
