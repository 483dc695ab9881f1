//! THE table of reasons: why something was refused. Code, gRPC class, retry advice, English and 中文, once for all.
//! Storage numbers never change and are never given twice.

mod declare;
mod refusal;

pub use declare::ReasonRow;
use declare::reasons;
pub use refusal::{Class, RefusalRecord, RefusalSide, Retry};

reasons! {
    TransferIdMalformed 101 "TRANSFER_ID_MALFORMED" InvalidArgument Correct
        "transfer_id must be a UUID in its hyphenated form"
        "transfer_id 必须是带连字符的 UUID"
    IdNumberMalformed 102 "ID_NUMBER_MALFORMED" InvalidArgument Correct
        "the identity number is not 17 digits with a real birth date and a check digit; give one of 15 places with 18"
        "公民身份号码格式不正确，应为 18 位；15 位旧号码请换用 18 位号码"
    IdNumberCheckDigit 103 "ID_NUMBER_CHECK_DIGIT" InvalidArgument Correct
        "the check digit of the identity number is wrong"
        "公民身份号码校验码不正确"
    NameMalformed 104 "NAME_MALFORMED" InvalidArgument Correct
        "a name has 1 to 50 characters, none that cannot be seen or is private use, and no space beside an ideograph"
        "姓名应为 1 至 50 个字符，不含不可见字符、私用区字符，汉字之间不含空格"
    RegionMalformed 105 "REGION_MALFORMED" InvalidArgument Correct
        "a region code has six digits"
        "医保区划代码应为六位数字"
    UnknownRegion 106 "UNKNOWN_REGION" InvalidArgument Correct
        "the region code is not a pooling area or a county in one"
        "未知的医保区划代码"
    KinshipUnsupported 107 "KINSHIP_UNSUPPORTED" InvalidArgument Correct
        "only the eight kinds of near relatives may receive; in-laws are not near relatives"
        "仅支持八类近亲属，姻亲（公婆、岳父母、儿媳、女婿等）不属于近亲属"
    AmountMalformed 108 "AMOUNT_MALFORMED" InvalidArgument Correct
        "an amount is written in yuan with ASCII digits and at most two decimal places, such as 400.00"
        "金额应以元为单位，仅含数字，最多两位小数，例如 400.00"
    AmountNotPositive 109 "AMOUNT_NOT_POSITIVE" InvalidArgument Correct
        "the amount must be more than zero"
        "金额必须大于零"
    RemarkTooLong 110 "REMARK_TOO_LONG" InvalidArgument Correct
        "a remark has at most 100 characters"
        "备注最多 100 个字符"
    SamePerson 111 "SAME_PERSON" InvalidArgument Correct
        "payer and payee are the same person"
        "转出人与接收人不能是同一人"
    SameProvince 112 "SAME_PROVINCE" InvalidArgument Correct
        "payer and payee are insured in the same province; this service carries transfers between provinces"
        "双方参保地在同一省份，本服务仅办理跨省转账"
    FieldRequired 113 "FIELD_REQUIRED" InvalidArgument Correct
        "a required field is missing"
        "缺少必填字段"
    BatchSizeInvalid 114 "BATCH_SIZE_INVALID" InvalidArgument Correct
        "a batch has 1 to 1,000 items"
        "批量请求应包含 1 至 1000 条"
    PageSizeInvalid 115 "PAGE_SIZE_INVALID" InvalidArgument Correct
        "page_size must not be negative"
        "page_size 不能为负数"
    PageTokenInvalid 116 "PAGE_TOKEN_INVALID" InvalidArgument Correct
        "the page or resume token was not given by this server"
        "分页或续传令牌无效"
    ValueUnsupported 117 "VALUE_UNSUPPORTED" InvalidArgument Correct
        "the field holds a value that is not defined"
        "字段取值未定义"
    RequestIdMalformed 118 "REQUEST_ID_MALFORMED" InvalidArgument Correct
        "a request_id has 1 to 64 visible ASCII characters"
        "request_id 应为 1 至 64 个可见 ASCII 字符"
    PhoneMalformed 119 "PHONE_MALFORMED" InvalidArgument Correct
        "a phone number has 5 to 20 digits"
        "电话号码应为 5 至 20 位数字"
    NotConfirmed 120 "NOT_CONFIRMED" InvalidArgument Correct
        "opening a wallet needs the person's confirmation"
        "开通医保钱包需本人确认"
    RegionElsewhere 121 "REGION_ELSEWHERE" InvalidArgument Correct
        "the region belongs to another province's node"
        "该区划不属于本省节点"
        ["region"]
    DeadlineTooShort 122 "DEADLINE_TOO_SHORT" InvalidArgument SameId
        "the caller's deadline is too short for a transfer to be decided"
        "调用时限过短，无法完成转账"
        ["remaining_ms", "needed_ms"]
    RequestMalformed 123 "REQUEST_MALFORMED" InvalidArgument Correct
        "the request cannot be read"
        "无法解析请求"
    PeriodMalformed 124 "PERIOD_MALFORMED" InvalidArgument Correct
        "a period is a month, written YYYYMM"
        "所属期应为 YYYYMM 格式的月份"
    ReasonCodeMalformed 125 "REASON_CODE_MALFORMED" InvalidArgument Correct
        "a reason code has 1 to 32 capital letters and underscores and begins with a letter"
        "原因代码应为 1 至 32 个大写字母或下划线，以字母开头"
    RelativeIsHolder 126 "RELATIVE_IS_HOLDER" InvalidArgument Correct
        "the relative who opens the wallet is its holder; leave the relative out"
        "代开通人与钱包持有人是同一人，无需填写代开通人"
    DateMalformed 127 "DATE_MALFORMED" InvalidArgument Correct
        "a date is a day that exists, written YYYY-MM-DD"
        "日期应为 YYYY-MM-DD 格式的有效日期"
    DatesReversed 128 "DATES_REVERSED" InvalidArgument Correct
        "the period ends before it begins"
        "起止日期颠倒"
    SuspensionLength 131 "SUSPENSION_LENGTH" InvalidArgument Correct
        "a suspension from network settlement lasts 3 to 12 months"
        "暂停联网结算的期限应为 3 至 12 个月"
    DateInFuture 132 "DATE_IN_FUTURE" InvalidArgument Correct
        "the date is later than today"
        "日期晚于当天"
        ["today"]
    HashMalformed 133 "HASH_MALFORMED" InvalidArgument Correct
        "a hash has 64 hexadecimal digits"
        "哈希值应为 64 位十六进制数字"
    CompensationReasonMalformed 134 "COMPENSATION_REASON_MALFORMED" InvalidArgument Correct
        "a compensation's reason has 1 to 200 characters, no control characters, long numbers or e-mail; name no person"
        "退回原因应为 1 至 200 个字符，不含控制字符、长数字和电子邮箱，请勿填写个人信息"
    RemarkMalformed 135 "REMARK_MALFORMED" InvalidArgument Correct
        "a remark has no control characters and none that cannot be seen"
        "备注不能含有控制字符（包括换行）或不可见字符"
    IdNumberFutureBirth 136 "ID_NUMBER_FUTURE_BIRTH" InvalidArgument Correct
        "the birth date in the identity number is later than today"
        "公民身份号码中的出生日期晚于当天"
    IdNumberRounded 137 "ID_NUMBER_ROUNDED" InvalidArgument Correct
        "the identity number ends with 000, as spreadsheets round it; keep the column as text, with all 18 places"
        "公民身份号码末三位为 000，疑为表格软件舍入；请将该列设为文本并填写完整 18 位"
    NumberRepeated 138 "NUMBER_REPEATED" InvalidArgument Correct
        "an earlier line of the file has the same identity number"
        "该公民身份号码在文件中重复出现"
    ContentDiffers 201 "CONTENT_DIFFERS" AlreadyExists No
        "this id was used before with other content"
        "该编号已用于内容不同的请求"
        ["field"]
    TransferNotFound 202 "TRANSFER_NOT_FOUND" NotFound SameId
        "no transfer has this id; that does not mean that it was aborted"
        "没有该编号的转账；这不代表转账已终止"
    MemberNotFound 203 "MEMBER_NOT_FOUND" NotFound No
        "this province has no such member with this name"
        "本省没有该姓名与证件号码的参保人"
    WalletNotFound 204 "WALLET_NOT_FOUND" NotFound No
        "the member has not opened a wallet"
        "参保人尚未开通医保钱包"
    RegionNotFound 205 "REGION_NOT_FOUND" NotFound No
        "there is no such region"
        "没有该区划"
    HasLiveLeg 206 "HAS_LIVE_LEG" FailedPrecondition Later
        "a transfer of this member is being decided; try again when it has ended"
        "该参保人有正在处理的转账，请待其结束后再试"
    CompensationNotFound 207 "COMPENSATION_NOT_FOUND" NotFound SameId
        "no compensation has this id"
        "没有该编号的退回申请"
    OperationNotFound 208 "OPERATION_NOT_FOUND" NotFound SameId
        "no operation has this id"
        "没有该编号的操作申请"
    IncidentNotFound 209 "INCIDENT_NOT_FOUND" NotFound No
        "no incident stands at this side of the transfer"
        "该转账的这一方没有异常事项"
    CertificateRequired 301 "CERTIFICATE_REQUIRED" Unauthenticated No
        "a client certificate with a role of this service is required"
        "需要提供带有本服务角色的客户端证书"
    RoleNotAllowed 302 "ROLE_NOT_ALLOWED" PermissionDenied No
        "the certificate's role may not call this method"
        "证书的角色无权调用该方法"
    ProvinceNotAllowed 303 "PROVINCE_NOT_ALLOWED" PermissionDenied No
        "the certificate does not speak for this province"
        "证书无权代表该省"
    NotAParty 304 "NOT_A_PARTY" PermissionDenied No
        "this province has no part in the transfer under these terms"
        "该省不是此转账的一方"
    SenderRefused 305 "SENDER_REFUSED" FailedPrecondition No
        "the sender's store is older than what was seen of it, or a copy"
        "发送方数据早于已知进度，或为副本"
    SameOperator 306 "SAME_OPERATOR" PermissionDenied No
        "the operator who proposed it cannot approve it; another one must"
        "提出申请的操作员不能自行批准，须由另一名操作员批准"
    NodeNotListed 307 "NODE_NOT_LISTED" PermissionDenied No
        "the hub's configuration names no node of this province: a [[nodes]] entry admits it"
        "清算中心的配置中没有该省的节点：须先在 [[nodes]] 中登记"
    Overloaded 401 "OVERLOADED" ResourceExhausted SameId
        "the server has too much to do; try again with the same id"
        "系统繁忙，请使用同一编号稍后重试"
    Stopping 402 "STOPPING" Unavailable SameId
        "the server is stopping; ask again with the same id"
        "系统正在停止，请使用同一编号重新查询"
    OutcomeUnknown 403 "OUTCOME_UNKNOWN" Unavailable SameId
        "not known yet; ask with the same id"
        "结果未定，请使用同一编号查询"
    Internal 404 "INTERNAL" Internal SameId
        "the server failed; ask with the same id"
        "系统内部错误，请使用同一编号查询"
    NotAnnounced 405 "NOT_ANNOUNCED" Unavailable SameId
        "the node has not joined the hub yet"
        "节点尚未加入清算中心"
    Resyncing 406 "RESYNCING" Unavailable SameId
        "the node was restored from a backup and is being told again what it lost"
        "本地节点已从备份恢复，正在补齐数据，请稍后以相同编号重试"
    Recovering 407 "RECOVERING" Unavailable SameId
        "the hub was restored from a backup and is asking the provinces what it lost"
        "清算中心已从备份恢复，正在向各省核对，请稍后以相同编号重试"
    HubBehind 408 "HUB_BEHIND" Unavailable SameId
        "the hub's store is older than what this node has seen of it: it was restored without being marked as restored"
        "清算中心的数据早于本节点所见：其存储被直接放回而未标记为恢复"
    ClockNotBelieved 409 "CLOCK_NOT_BELIEVED" Unavailable SameId
        "this server's clock is implausible, so it decides nothing until the clock is right or confirmed; ask again"
        "本系统时钟异常，核实之前暂停办理，请稍后以相同编号重试"
    TooManyTries 410 "TOO_MANY_TRIES" ResourceExhausted Later
        "the caller has asked about this person too often today, or with too many names that do not fit"
        "今日对该人员的查询或尝试次数过多，请次日再试"
    PayerPlaceNotOpen 501 "PAYER_PLACE_NOT_OPEN" FailedPrecondition NewId
        "the payer's place has not opened the medical-insurance wallet"
        "转出人参保地尚未开通医保钱包"
        ["region", "day"]
    PayeePlaceNotOpen 502 "PAYEE_PLACE_NOT_OPEN" FailedPrecondition NewId
        "the payee's place has not opened the medical-insurance wallet"
        "接收人参保地尚未开通医保钱包"
        ["region", "day"]
    PayerIdentityMismatch 503 "PAYER_IDENTITY_MISMATCH" FailedPrecondition NewId
        "the payer's name and identity number do not belong together in the place of insurance"
        "转出人姓名与证件号码在参保地不一致"
    PayeeIdentityMismatch 504 "PAYEE_IDENTITY_MISMATCH" FailedPrecondition NewId
        "the payee's name and identity number do not belong together in the place of insurance"
        "接收人姓名与证件号码在参保地不一致"
    ClosedHours 505 "CLOSED_HOURS" FailedPrecondition NewId
        "transfers are closed at this hour in the place; see closed_hours (Asia/Shanghai)"
        "当前时段该地不办理转账，暂停时段见 closed_hours（北京时间）"
        ["closed_hours", "region"]
    VerificationRequired 506 "VERIFICATION_REQUIRED" FailedPrecondition NewId
        "the payer's place asks for a proof of the payer that the calling platform did not state"
        "转出地要求对转出人进行身份核验，调用平台未声明所需核验方式"
        ["accepted", "stated"]
    RulebookNotFound 507 "RULEBOOK_NOT_FOUND" NotFound No
        "the hub keeps no rulebook with this hash; the node that judged by it keeps its own"
        "中心未保存该哈希值的规则文本，作出判断的省级节点保存有自己的文本"
    PayerNotInsured 511 "PAYER_NOT_INSURED" FailedPrecondition NewId
        "the payer is not insured in the stated place"
        "转出人未在所填参保地参保"
    PayerInsuredElsewhere 512 "PAYER_INSURED_ELSEWHERE" FailedPrecondition NewId
        "the payer is insured in another pooling area than stated"
        "转出人的参保地与所填不一致"
    PayerNotEmployee 513 "PAYER_NOT_EMPLOYEE" FailedPrecondition No
        "only a member of employee insurance has a personal account to send from"
        "仅职工医保参保人可从个人账户转出"
    PayerSuspended 514 "PAYER_SUSPENDED" FailedPrecondition NewId
        "the payer's insurance is suspended"
        "转出人处于暂停参保状态"
    PayerEnded 515 "PAYER_ENDED" FailedPrecondition NewId
        "the payer's insurance has ended"
        "转出人参保已终止"
    PayerInArrears 516 "PAYER_IN_ARREARS" FailedPrecondition NewId
        "the payer is in arrears with contributions"
        "转出人处于欠费状态"
    PayerPublicMedical 517 "PAYER_PUBLIC_MEDICAL" FailedPrecondition No
        "people in publicly funded medical care have no part in sharing"
        "公费医疗人员不能参加共济"
    PayerAccountAbsent 518 "PAYER_ACCOUNT_ABSENT" FailedPrecondition No
        "the payer has no personal account"
        "转出人没有个人账户"
    PayerAccountFrozen 519 "PAYER_ACCOUNT_FROZEN" FailedPrecondition NewId
        "the payer's personal account is frozen"
        "转出人的个人账户已冻结"
    InsufficientBalance 520 "INSUFFICIENT_BALANCE" FailedPrecondition NewId
        "the personal account has not enough above what must stay in it"
        "个人账户可转余额不足"
        ["floor"]
    AmountOverLimit 521 "AMOUNT_OVER_LIMIT" FailedPrecondition NewId
        "the amount is above the limit for one transfer"
        "超过单笔转账限额"
        ["limit", "value"]
    DailyCountReached 522 "DAILY_COUNT_REACHED" FailedPrecondition NewId
        "the number of transfers allowed in a day is used up"
        "当日转账次数已用完"
        ["limit"]
    KinshipNotAllowed 523 "KINSHIP_NOT_ALLOWED" FailedPrecondition No
        "the place does not allow transfers to this kind of relative"
        "参保地不允许向该类亲属转账"
        ["kinship"]
    PayerSettlementSuspended 524 "PAYER_SETTLEMENT_SUSPENDED" FailedPrecondition NewId
        "the payer is excluded from network settlement for misuse until the day in until"
        "转出人因违规使用医保被暂停联网结算，期限见 until"
        ["until"]
    PayeeNotInsured 531 "PAYEE_NOT_INSURED" FailedPrecondition NewId
        "the payee is not insured in the stated place"
        "接收人未在所填参保地参加基本医疗保险"
    PayeeInsuredElsewhere 532 "PAYEE_INSURED_ELSEWHERE" FailedPrecondition NewId
        "the payee is insured in another pooling area than stated"
        "接收人的参保地与所填不一致"
    PayeeSuspended 533 "PAYEE_SUSPENDED" FailedPrecondition NewId
        "the payee's insurance is suspended"
        "接收人处于暂停参保状态"
    PayeeEnded 534 "PAYEE_ENDED" FailedPrecondition NewId
        "the payee's insurance has ended"
        "接收人参保已终止"
    PayeeInArrears 535 "PAYEE_IN_ARREARS" FailedPrecondition NewId
        "the payee is in arrears with contributions"
        "接收人处于欠费状态"
    PayeePublicMedical 536 "PAYEE_PUBLIC_MEDICAL" FailedPrecondition No
        "people in publicly funded medical care have no part in sharing"
        "公费医疗人员不能参加共济"
    PayeeWalletNotOpen 537 "PAYEE_WALLET_NOT_OPEN" FailedPrecondition NewId
        "the payee has not opened a wallet"
        "接收人尚未开通医保钱包"
    PayeeWalletFrozen 538 "PAYEE_WALLET_FROZEN" FailedPrecondition NewId
        "the payee's wallet is frozen"
        "接收人的医保钱包已冻结"
    PayeeTypeNotAllowed 539 "PAYEE_TYPE_NOT_ALLOWED" FailedPrecondition No
        "the payer's place does not send to this insurance type"
        "转出地不允许向该险种参保人转账"
        ["insurance_type"]
    WalletAlreadyOpen 541 "WALLET_ALREADY_OPEN" AlreadyExists No
        "the member's wallet is open already"
        "医保钱包已开通"
    PlaceNotOpen 542 "PLACE_NOT_OPEN" FailedPrecondition Later
        "the place has not opened the medical-insurance wallet"
        "该地尚未开通医保钱包"
        ["region", "day"]
    NotInsured 543 "NOT_INSURED" FailedPrecondition Later
        "the member's insurance is not in force"
        "参保人当前未处于正常参保状态"
    NameMismatch 544 "NAME_MISMATCH" FailedPrecondition Correct
        "name and identity number do not belong together"
        "姓名与证件号码不一致"
    AccountAbsent 545 "ACCOUNT_ABSENT" FailedPrecondition No
        "the member has no personal account"
        "参保人没有个人账户"
    Overflow 546 "OVERFLOW" FailedPrecondition No
        "the balance would be larger than can be kept"
        "余额超出可记录范围"
        ["outcome"]
    PayeeSettlementSuspended 547 "PAYEE_SETTLEMENT_SUSPENDED" FailedPrecondition NewId
        "the payee is excluded from network settlement at present"
        "接收人当前被暂停联网结算"
    PersonUnreadable 548 "PERSON_UNREADABLE" FailedPrecondition No
        "what this node keeps of the person cannot be read; its operators must look"
        "本节点保存的该人员信息无法读取，请联系运维人员"
    MemberNewer 549 "MEMBER_NEWER" FailedPrecondition No
        "the member was changed here after the day that the data stands for"
        "该参保人信息在本地已于数据日期之后更新，未用旧数据覆盖"
    IdUsedUp 550 "ID_USED_UP" AlreadyExists NewId
        "this id is used up: a transfer with other content was aborted under it, and nothing was moved"
        "该编号已用尽：以此编号提出的另一内容的转账已终止，资金未变动"
    WalletFrozen 561 "WALLET_FROZEN" FailedPrecondition Later
        "the wallet is frozen"
        "医保钱包已冻结"
    WalletClosed 562 "WALLET_CLOSED" FailedPrecondition No
        "the wallet is closed; it can only be opened anew"
        "医保钱包已注销，只能重新开通"
    WalletNotEmpty 563 "WALLET_NOT_EMPTY" FailedPrecondition Later
        "there is money in the wallet; it can be closed only when it is empty"
        "医保钱包内有余额，余额为零时方可注销"
    WalletMoveAcrossProvinces 564 "WALLET_MOVE_ACROSS_PROVINCES" FailedPrecondition No
        "a wallet's place of use can be changed inside its province only"
        "使用地只能在本省范围内变更，暂不支持跨省变更"
        ["region"]
    OpenTransfer 580 "OPEN_TRANSFER" FailedPrecondition NewId
        "an earlier transfer of the payer has not been taken yet"
        "转出人上一笔转账对方尚未接收，暂不能再次转账"
    ProvinceUnreachable 601 "PROVINCE_UNREACHABLE" Unavailable NewId
        "a province cannot be reached; nothing was moved"
        "无法连接到一方省级节点，资金未变动"
        ["province"]
    DeadlineExpired 602 "DEADLINE_EXPIRED" Unavailable NewId
        "the transfer was not decided in time; nothing was moved"
        "转账未在时限内完成，资金未变动"
    HubRestarted 603 "HUB_RESTARTED" Unavailable NewId
        "the hub restarted before the transfer was decided; nothing was moved"
        "清算中心在决定前重启，资金未变动"
    ResolvedUnknown 604 "RESOLVED_UNKNOWN" FailedPrecondition NewId
        "a province asked for an id that the hub did not know; it was closed as aborted and is used up"
        "省级节点查询了未知编号，该编号已按终止处理，不能再用"
    AbortedBefore 605 "ABORTED_BEFORE" FailedPrecondition NewId
        "this id was aborted before it was prepared here; it is used up"
        "该编号在准备前已终止，不能再用"
    TermsDiffer 606 "TERMS_DIFFER" FailedPrecondition No
        "this id is known here with other terms; people must compare them before anything else is sent"
        "该编号在本地的内容不一致，须先人工核对"
        ["outcome"]
    ContraryOrder 607 "CONTRARY_ORDER" FailedPrecondition No
        "the order contradicts what was recorded before; it was not carried out and waits for people"
        "指令与已记录结果相反，未执行，等待人工处理"
        ["outcome", "window", "hub_seq"]
    Unsupported 608 "UNSUPPORTED" FailedPrecondition No
        "this node does not know this kind of leg"
        "节点不支持该类交易"
        ["field"]
    NotOwner 609 "NOT_OWNER" AlreadyExists No
        "this id belongs to another client"
        "该编号属于其他调用方"
        ["field"]
    RefusedByPlace 610 "REFUSED_BY_PLACE" FailedPrecondition NewId
        "the place refused for a reason of its own"
        "当地按其自身规则拒绝"
        ["code"]
    NotTakenInTime 611 "NOT_TAKEN_IN_TIME" FailedPrecondition NewId
        "the payee did not take the transfer in time; the money went back to the payer"
        "接收人未在规定时间内接收，款项已退回转出人"
    Declined 612 "DECLINED" FailedPrecondition NewId
        "the payee declined the transfer; the money went back to the payer"
        "接收人已拒收，款项已退回转出人"
    NotAwaiting 613 "NOT_AWAITING" FailedPrecondition Later
        "the transfer does not await acceptance yet"
        "该笔转账尚未进入待接收状态"
    NothingToAccept 614 "NOTHING_TO_ACCEPT" FailedPrecondition NewId
        "this node has judged no such leg, so it cannot take it by its id"
        "节点没有该笔交易的先前记录，无法仅凭编号受理"
    OriginalNotCommitted 620 "ORIGINAL_NOT_COMMITTED" FailedPrecondition No
        "only a committed transfer has moved money that can be carried back"
        "仅已提交的转账可以退回"
        ["state"]
    OriginalNotRecorded 621 "ORIGINAL_NOT_RECORDED" FailedPrecondition Later
        "a province has not recorded the original transfer yet"
        "一方省级节点尚未记录原转账，请稍后再试"
    IsCompensation 622 "IS_COMPENSATION" FailedPrecondition No
        "a transfer that carries money back cannot be carried back itself"
        "退回交易本身不能再退回"
    OverCompensated 623 "OVER_COMPENSATED" FailedPrecondition No
        "more would go back than the original transfer has moved"
        "退回金额合计超过原转账金额"
        ["limit", "value"]
    CompensationApproved 624 "COMPENSATION_APPROVED" FailedPrecondition No
        "the compensation was approved; it cannot be withdrawn any more"
        "退回申请已获批准，不能再撤回"
    CompensationWithdrawn 625 "COMPENSATION_WITHDRAWN" FailedPrecondition NewId
        "the compensation was withdrawn; propose another one"
        "退回申请已撤回，请重新提出"
    OriginalNotHere 626 "ORIGINAL_NOT_HERE" FailedPrecondition No
        "this node has recorded no such transfer under these terms"
        "本节点没有记录该内容的原转账"
    ReturnNotCovered 627 "RETURN_NOT_COVERED" FailedPrecondition NewId
        "the wallet has not enough left to give back"
        "医保钱包余额不足以退回"
    PostingParked 628 "POSTING_PARKED" FailedPrecondition No
        "the hub does not book this posting: it is not the next against its transfer, or passes what that has brought"
        "清算中心未记账：该笔扣减不是原转账的下一笔，或超过原转账金额"
    DecidedAtRecovery 630 "DECIDED_AT_RECOVERY" FailedPrecondition No
        "both provinces had promised and the hub had lost its decision: it was committed when the hub recovered; \
         compare with what the client was told"
        "两地均已承诺而清算中心丢失了决定：恢复时已按提交处理，请与客户端所得答复核对"
    ReplayedToSuspense 631 "REPLAYED_TO_SUSPENSE" FailedPrecondition No
        "a committed leg came back after a loss, and no account of the member could take it: it stands in suspense, \
         and what comes for the member is set off against it first"
        "补记的一笔已提交转账无法记入参保人账户，已挂账；其后到账的资金先行抵扣"
    EndedByOperators 632 "ENDED_BY_OPERATORS" FailedPrecondition NewId
        "two operators have ended this id before it was decided; nothing was moved, and the id is used up"
        "该编号在办结前已由两名操作员终止，未发生任何资金变动，编号不能再用"
    OperationDone 640 "OPERATION_DONE" FailedPrecondition No
        "the operation was approved and carried out; it cannot be withdrawn any more"
        "操作已获批准并执行，不能再撤回"
    OperationWithdrawn 641 "OPERATION_WITHDRAWN" FailedPrecondition NewId
        "the operation was withdrawn; propose another one"
        "操作申请已撤回，请重新提出"
    OperationElsewhere 642 "OPERATION_ELSEWHERE" FailedPrecondition No
        "this server has no such thing to do; see which server the operation is for"
        "该操作不属于本系统，请核对操作对象"
    TimeNotLower 643 "TIME_NOT_LOWER" FailedPrecondition No
        "nothing later than this time is stamped, so there is nothing to lower"
        "没有晚于该时间的记录，无需调低"
    IncidentClosed 644 "INCIDENT_CLOSED" FailedPrecondition No
        "the incident is closed already"
        "该异常事项已关闭"
    AlreadyDecided 645 "ALREADY_DECIDED" FailedPrecondition No
        "the transfer is decided already; see its state"
        "该转账已有结果，见 state"
        ["state"]
    LeftToPeople 646 "LEFT_TO_PEOPLE" FailedPrecondition No
        "a recovery has left this transfer to people; it must end before this can be done"
        "该转账在恢复时留待人工处理，须先有结果"
    AdoptedFromOneSide 647 "ADOPTED_FROM_ONE_SIDE" FailedPrecondition No
        "hub and a province were restored together; this commit is back from the other province alone"
        "清算中心与一省同时恢复：该笔已提交转账仅由另一省补回，本省一方为谁尚不明"
    NotRecovering 650 "NOT_RECOVERING" FailedPrecondition No
        "the hub is not recovering from a backup; no province is waited for"
        "清算中心未处于备份恢复核对状态，没有等待任何省份"
    NotAsked 651 "NOT_ASKED" FailedPrecondition No
        "the recovering hub does not ask this province; see the [[nodes]] of its configuration"
        "恢复核对不涉及该省，请核对清算中心配置的 [[nodes]]"
        ["province"]
    AlreadyHeard 652 "ALREADY_HEARD" FailedPrecondition No
        "this province was heard, or left out, in this recovery already"
        "本次恢复已核对该省，或已将其排除"
        ["province"]
    ProvinceLeftOut 653 "PROVINCE_LEFT_OUT" Unavailable SameId
        "a province was left out when the hub recovered and has not told yet what it has recorded; nothing is known of \
         this id before it has; ask again later with the same id"
        "清算中心恢复时未核对一方省份，该省补报前无法确定该编号的结果，请稍后以相同编号重试"
        ["province"]
    LeftOutUndecided 654 "LEFT_OUT_UNDECIDED" FailedPrecondition No
        "the hub has lost its decision, and the other province was left out of the recovery: it stays undecided until \
         that province is heard, or two operators finish it"
        "清算中心丢失了该笔转账的决定，且另一省未参与恢复核对：须待该省补报，或由两名操作员办结"
        ["promised"]
    LeftOutUnconfirmed 655 "LEFT_OUT_UNCONFIRMED" FailedPrecondition No
        "this commit is back from one province alone; the other one was left out of the recovery and has not confirmed \
         it yet"
        "该笔已提交转账仅由一省补回，另一省未参与恢复核对，尚待其确认"
    EndsByRule 656 "ENDS_BY_RULE" FailedPrecondition No
        "the transfer is not left to people: it ends by itself, or by BuryId"
        "该笔转账并未留待人工处理，将按规则自行办结，或按终止编号处理"
    OtherLineage 658 "OTHER_LINEAGE" FailedPrecondition No
        "the peer's store is another one than before: nothing is taken or told until two operators accept it"
        "对端的存储与此前不是同一个（谱系不同）：未经两名操作员认可，不采纳其任何信息，也不向其提供信息"
        ["peer", "known", "found"]
    TermsUnknown 659 "TERMS_UNKNOWN" FailedPrecondition No
        "what was told of this id cannot be a transfer's terms: it can be finished as aborted only"
        "所补报的内容不能构成该编号的转账条款，只能按未成功办结"
    VoteMalformed 660 "VOTE_MALFORMED" Unavailable NewId
        "the province's node answered in a form that does not count, see field; nothing was moved"
        "省级节点的应答格式不符合要求（见 field），资金未变动"
        ["field"]
    DemandUnknown 661 "DEMAND_UNKNOWN" FailedPrecondition NewId
        "the other place demands what this node does not know"
        "对方参保地提出了本节点不识别的要求"
        ["demand"]
    NodeTooOld 662 "NODE_TOO_OLD" FailedPrecondition NewId
        "the transfer needs a newer version of the protocol than the province's node knows; nothing was moved"
        "该笔转账所需的协议版本高于省级节点支持的版本，资金未变动"
        ["needed", "known"]
    WindowNotFound 670 "WINDOW_NOT_FOUND" NotFound No
        "there is no such window: it was never opened"
        "没有该清算窗口（从未开启）"
        ["window"]
    CutNotRead 671 "CUT_NOT_READ" FailedPrecondition No
        "a province's node has not said since the hub's start that it reads the name of a second window of a day"
        "有省级节点自清算中心启动以来尚未表明能识别同一日的第二个清算窗口"
        ["province"]
    CutsUsedUp 672 "CUTS_USED_UP" FailedPrecondition No
        "a day has 42 windows at most: this one is closed when its day is over"
        "每日最多 42 个清算窗口，本窗口将在当日结束时关闭"
        ["window"]
    WindowOpen 673 "WINDOW_OPEN" FailedPrecondition No
        "the window is open: commits are still counted in it"
        "该清算窗口尚未关闭，仍在计入新的转账"
        ["window"]
    BreakNotFound 680 "BREAK_NOT_FOUND" NotFound No
        "there is no such break: window, province and transfer name none that was found"
        "没有该差错（清算窗口、省份与转账编号未指向任何已发现的差错）"
    BreakClosed 681 "BREAK_CLOSED" FailedPrecondition No
        "two operators have closed the break already"
        "该差错已由两名操作员关闭"
    CorrectionNotFound 682 "CORRECTION_NOT_FOUND" FailedPrecondition No
        "what is named as the correction is no committed transfer or compensation of this hub"
        "所指的更正不是本清算中心已提交的转账或退回"
    PeriodOpen 700 "PERIOD_OPEN" FailedPrecondition No
        "the period is not closed: close it once its last day is over"
        "该清算期尚未关闭，须在当月最后一日结束后关闭"
        ["period", "pair"]
    PeriodNotFound 701 "PERIOD_NOT_FOUND" NotFound No
        "there is no such period: no window of its last day was ever closed"
        "没有该清算期（其最后一日没有已关闭的清算窗口）"
        ["period"]
    PeriodOutOfOrder 702 "PERIOD_OUT_OF_ORDER" FailedPrecondition No
        "an earlier period comes first, see first"
        "须先处理更早的清算期，见 first"
        ["period", "pair", "first"]
    PeriodClosed 703 "PERIOD_CLOSED" FailedPrecondition No
        "the period is closed with another scheme, which cannot be changed"
        "该清算期已按另一种清算方式关闭，不能更改"
        ["period", "scheme"]
    SumTooLarge 704 "SUM_TOO_LARGE" FailedPrecondition No
        "no sum can hold so much"
        "金额合计超出可记录的范围"
        ["period", "pair"]
    TableNotPublished 705 "TABLE_NOT_PUBLISHED" FailedPrecondition No
        "the table of these two provinces is not published for this period"
        "两省在该清算期的清算表尚未发布"
        ["period", "pair"]
    TableOfOthers 706 "TABLE_OF_OTHERS" PermissionDenied No
        "the table is between other provinces"
        "该清算表属于其他省份"
        ["period", "pair"]
    VersionSuperseded 707 "VERSION_SUPERSEDED" FailedPrecondition No
        "the digest is not that of the table as it stands, see version; read it again before you sign"
        "摘要与清算表现行版本不符（见 version），请重新核对后再签署"
        ["period", "pair", "version"]
    TableSigned 708 "TABLE_SIGNED" FailedPrecondition No
        "maker and checker of this province have signed already"
        "本省制表人与复核人均已签署"
        ["period", "pair"]
    SecondPersonNeeded 709 "SECOND_PERSON_NEEDED" FailedPrecondition No
        "the checker must be another person than the maker"
        "复核人与制表人不能是同一人"
        ["period", "pair"]
    NothingToSign 710 "NOTHING_TO_SIGN" FailedPrecondition No
        "there is nothing in this table, so nothing is to be signed"
        "该清算表没有记录，无需签署"
        ["period", "pair"]
    TableFinal 711 "TABLE_FINAL" FailedPrecondition No
        "both provinces have signed the table: it can no longer be objected to"
        "两省均已签署该清算表，不能再提出异议"
        ["period", "pair"]
    ItemNotInTable 712 "ITEM_NOT_IN_TABLE" FailedPrecondition No
        "the transfer is not in this table"
        "该笔转账不在此清算表中"
        ["period", "pair", "transfer_id"]
    CarriedTooOften 713 "CARRIED_TOO_OFTEN" FailedPrecondition No
        "an item may be carried for two months at most; two operators must rule now"
        "单笔记录最多顺延两个月，须由两名操作员裁定"
        ["period", "pair", "transfer_id"]
    ObligationNotFound 714 "OBLIGATION_NOT_FOUND" NotFound No
        "nothing is owed by that province to that one for this period"
        "该清算期没有这两省之间的应付款项"
        ["period", "debtor", "creditor"]
    ObligationPaid 715 "OBLIGATION_PAID" FailedPrecondition No
        "all of it is recorded as paid already"
        "该款项已全部登记付款"
    PaymentDiffers 716 "PAYMENT_DIFFERS" FailedPrecondition No
        "the amount is not what is expected, see difference; a part has to be said to be one"
        "金额与应付（应收）金额不符，差额见 difference；分次付款须注明"
        ["expected", "difference"]
    SerialUsed 717 "SERIAL_USED" FailedPrecondition No
        "another payment has this serial number of this bank"
        "该银行流水号已用于另一笔付款"
        ["payment_id"]
    PaymentNotFound 718 "PAYMENT_NOT_FOUND" NotFound No
        "there is no such payment of this province"
        "没有本省的该笔付款"
        ["payment_id"]
    PaymentVoid 719 "PAYMENT_VOID" FailedPrecondition No
        "the payment does not count any more, see code"
        "该笔付款已作废，原因见 code"
        ["code"]
    CreditorOnly 720 "CREDITOR_ONLY" PermissionDenied No
        "only the province that was paid can say this"
        "只能由收款省份操作"
    NotDue 721 "NOT_DUE" FailedPrecondition No
        "it can still be paid in time, see due"
        "尚未逾期，付款期限见 due"
        ["due"]
    PrefundEmpty 722 "PREFUND_EMPTY" FailedPrecondition No
        "nothing is left of the debtor's prefund"
        "付款省份的预付金已无余额"
        ["debtor"]
    FigureNotWhole 723 "FIGURE_NOT_WHOLE" InvalidArgument Correct
        "the figure of a year is in whole 万元"
        "年度预付金额度以万元为单位，不含小数"
    PrefundUsed 724 "PREFUND_USED" FailedPrecondition No
        "so much of the prefund covers obligations that it cannot be taken out, see available"
        "预付金部分已用于抵付，不能调减这么多，可用部分见 available"
        ["available"]
    NotReconciled 725 "NOT_RECONCILED" FailedPrecondition Later
        "a window of the period is not reconciled between these two provinces, see window and province: compare it, or \
         close its breaks"
        "该清算期有清算窗口在两省之间尚未核对一致（见 window、province）：须完成核对或关闭差错"
        ["period", "pair", "window", "province"]
    OtherScheme 726 "OTHER_SCHEME" FailedPrecondition No
        "the period is paid by another scheme: gross, two provinces sign their table; net, each signs its own with the \
         national centre (00)"
        "该清算期采用另一种清算方式：全额清算由两省签署其清算表，差额清算由各省与国家清算中心（00）签署"
        ["period", "pair"]
    StatementChanged 760 "STATEMENT_CHANGED" Unavailable Later
        "the rows do not add up to what was counted: a commit that the hub had lost came back meanwhile, or a row was \
         changed behind its back; ask again, and if it stays so, audit the hub"
        "明细合计与已计总数不符：读取期间补回了丢失的交易，或记录被更改；请重新读取，仍不符时对清算中心进行审计"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_unique_and_ordered_and_texts_are_there() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].reason.number() < pair[1].reason.number(), "{:?}", pair[1].reason);
        }
        for row in TABLE {
            assert_eq!(Reason::from_code(row.code), Some(row.reason));
            assert_eq!(Reason::from_number(row.reason.number()), Some(row.reason));
            assert_eq!(row.reason.row().code, row.code);
            assert!(row.code.len() <= 63 && !row.english.is_empty());
            assert!(!row.chinese.is_ascii(), "{} lacks its Chinese text", row.code);
        }
    }
}
